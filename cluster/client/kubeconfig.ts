import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ClusterError } from '../errors.ts'

export interface KubeconfigEntry {
  readonly server: string
  readonly caPem: string
  readonly token: string
  /** Of cluster, user and context. @default 'meshbench' */
  readonly name?: string
}

/**
 * Writes a kubeconfig that only its owner can read. It appears at its path complete or not at all, so
 * that a `kubectl` started meanwhile never sees half of it.
 */
export async function writeKubeconfig(path: string, entry: KubeconfigEntry): Promise<void> {
  const partial = `${path}.${randomUUID()}`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(partial, kubeconfigText(entry), { mode: 0o600, flag: 'wx' })
    await rename(partial, path)
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined)
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ClusterError(`The kubeconfig could not be written: ${why}`, {
      code: 'CLUSTER_KUBECONFIG',
      hint: 'Choose a path in a folder you may write to.',
      exitCode: 2,
      cause,
    })
  }
}

/** Strings are quoted as JSON, which YAML reads the same way. */
function kubeconfigText({ server, caPem, token, name = 'meshbench' }: KubeconfigEntry): string {
  const quotedName = JSON.stringify(name)
  return `apiVersion: v1
kind: Config
current-context: ${quotedName}
clusters:
- name: ${quotedName}
  cluster:
    server: ${JSON.stringify(server)}
    certificate-authority-data: ${Buffer.from(caPem).toString('base64')}
users:
- name: ${quotedName}
  user:
    token: ${JSON.stringify(token)}
contexts:
- name: ${quotedName}
  context:
    cluster: ${quotedName}
    user: ${quotedName}
    namespace: default
preferences: {}
`
}
