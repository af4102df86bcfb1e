import { parse } from 'yaml'
import { isObject } from '../api/json.ts'
import type { Store } from '../api/store.ts'
import type { Pod } from '../kinds.ts'
import { meshAnnotations, systemNamespace } from '../mesh-labels.ts'
import type { KubeObject } from '../objects.ts'

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

/**
 * A value of `proxyMetadata` for a pod that is about to get a sidecar: its own annotation
 * `proxy.istio.io/config`, else the mesh's `defaultConfig` (istio/api mesh/v1alpha1/proxy.proto).
 */
export function proxyMetadata(pod: Pod, name: string, store: Store): string | undefined {
  const own = parsed(pod.metadata.annotations?.[meshAnnotations.proxyConfig])
  const mesh = store.get<ConfigMap>({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: systemNamespace,
    name: 'istio',
  })
  const defaults = member(parsed(mesh?.data?.mesh), 'defaultConfig')
  for (const config of [own, defaults]) {
    const value = member(member(config, 'proxyMetadata'), name)
    if (value !== undefined) return String(value)
  }
  return undefined
}

/** What is no YAML says nothing. */
function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : parse(text)
  } catch {
    return undefined
  }
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}
