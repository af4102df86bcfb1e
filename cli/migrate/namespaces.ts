import type { EndingOptions, NamespaceOptions, ProbeOptions } from '../commands/migrate/options.ts'
import { UsageError } from '../errors.ts'

/** At least one, each named once and as Kubernetes names namespaces (RFC 1123). */
export function namespacesOf({ namespace = [] }: NamespaceOptions): readonly string[] {
  if (namespace.length === 0) {
    throw new UsageError('no namespace was named', 'name one with --namespace, as with kubectl')
  }
  for (const name of namespace) {
    if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) continue
    throw new UsageError(
      `--namespace: "${name}" cannot be a namespace`,
      'lower case letters, digits and hyphens, at most 63 of them; give the option once for each',
    )
  }
  return [...new Set(namespace)]
}

/** Whoever names the image of a canary wants one. */
export function probeOf({ probe = false, probeImage }: ProbeOptions) {
  if (probeImage === undefined) return { probe }
  if (!/^[\w./:@-]+$/.test(probeImage)) {
    throw new UsageError(
      `--probe-image: "${probeImage}" cannot be an image`,
      'as in a pod: registry/name:tag, for instance curlimages/curl:8.10.1',
    )
  }
  return { probe: true, probeImage }
}

/** What is to be done last. */
export function endingsOf({ cleanUp, protectFromBypass, allowBypass }: EndingOptions) {
  for (const one of allowBypass ?? []) {
    const port = /^port:(\d{1,5})$/.exec(one)?.[1]
    const account = /^[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9.-]*$/.test(one)
    if (account || (port !== undefined && Number(port) >= 1 && Number(port) <= 65_535)) continue
    throw new UsageError(
      `--allow-bypass: "${one}" names neither a service account nor a port`,
      'monitoring/prometheus (namespace/service account), or port:9090',
    )
  }
  if (allowBypass !== undefined && !protectFromBypass) {
    throw new UsageError(
      '--allow-bypass makes exceptions from --protect-from-bypass',
      'give both, or leave it out',
    )
  }
  return {
    ...(cleanUp && { cleanUp }),
    ...(protectFromBypass && { protectFromBypass }),
    ...(allowBypass && { allowBypass }),
  }
}
