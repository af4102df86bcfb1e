import { parse } from 'yaml'
import { isObject } from '../api/json.ts'
import { type ConfigMap, kinds } from '../kinds.ts'
import { systemNamespace } from '../mesh-labels.ts'

/** What is read of `MeshConfig` (istio/api mesh/v1alpha1/config.proto). */
export interface MeshConfig {
  readonly accessLogFile?: unknown
  readonly accessLogFormat?: unknown
  readonly accessLogEncoding?: unknown
  readonly defaultConfig?: unknown
}

/** The ConfigMap in which it stands, as YAML under the key `mesh`. */
export const meshConfigRef = { ...kinds.configMap, namespace: systemNamespace, name: 'istio' }

export function meshConfigOf(configMap: ConfigMap | undefined): MeshConfig {
  return parseConfig(configMap?.data?.mesh)
}

/** Text that cannot be read says nothing: proxies go on with the defaults. */
export function parseConfig(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const config: unknown = parse(text ?? '')
    return isObject(config) ? config : {}
  } catch {
    return {}
  }
}
