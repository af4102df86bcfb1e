import { isObject } from '../api/json.ts'
import type { Store } from '../api/store.ts'
import type { ConfigMap, Pod } from '../kinds.ts'
import { meshConfigOf, meshConfigRef, parseConfig } from '../mesh/mesh-config.ts'
import { meshAnnotations } from '../mesh-labels.ts'

/**
 * A value of `proxyMetadata` for a pod that is about to get a sidecar: its own annotation
 * `proxy.istio.io/config`, else the mesh's `defaultConfig` (istio/api mesh/v1alpha1/proxy.proto).
 */
export function proxyMetadata(pod: Pod, name: string, store: Store): string | undefined {
  const own = parseConfig(pod.metadata.annotations?.[meshAnnotations.proxyConfig])
  const { defaultConfig } = meshConfigOf(store.get<ConfigMap>(meshConfigRef))
  for (const config of [own, defaultConfig]) {
    const value = member(member(config, 'proxyMetadata'), name)
    if (value !== undefined) return String(value)
  }
  return undefined
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}
