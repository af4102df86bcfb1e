import { parse } from 'yaml'
import type { ClusterView } from '../controllers/view.ts'
import { systemNamespace } from '../mesh-labels.ts'

/** What is read of `MeshConfig`, which stands in the ConfigMap `istio` under the key `mesh`. */
export interface MeshConfig {
  readonly accessLogFile?: unknown
  readonly accessLogFormat?: unknown
  readonly accessLogEncoding?: unknown
}

/** Text that cannot be read says nothing: proxies go on with the defaults. */
export function meshConfig({ configMaps }: ClusterView): MeshConfig {
  const text = configMaps.get('istio', systemNamespace)?.data?.mesh
  try {
    const config: unknown = parse(text ?? '')
    return typeof config === 'object' && config !== null ? config : {}
  } catch {
    return {}
  }
}
