import { isObject } from '../../cluster/api/json.ts'
import type { Pod } from '../../cluster/kinds.ts'
import { meshAnnotations, takesHbone } from '../../cluster/mesh-labels.ts'
import { itemsIn } from './by-namespace.ts'
import { meshConfigs, parsedYaml } from './mesh.ts'
import { NotReadable, type Snapshot } from './snapshot.ts'

export interface SidecarHbone {
  /** Of the sidecars that run in the namespace. */
  readonly running: boolean
  /** Of those that would be injected now. */
  readonly injected: boolean
}

/** Whether a sidecar injected now would take HBONE; `unknown` where the mesh's configuration cannot be read. */
export type HboneSetting = 'on' | 'off' | 'unknown'

/**
 * The pod's own annotation decides, else the configuration of the mesh, of all its revisions
 * (istio/api mesh/v1alpha1/proxy.proto).
 */
export function hboneSetting(
  snapshot: Snapshot,
  annotations: Readonly<Record<string, string>> = {},
): HboneSetting {
  const own = annotations[meshAnnotations.proxyConfig]
  try {
    const said = own === undefined ? undefined : enablesHbone(parsedYaml(own, 'an annotation'))
    if (said !== undefined) return said
    const configs = meshConfigs(snapshot)
    if (configs.length === 0) return 'unknown'
    return configs.every(({ config }) => enablesHbone(config.defaultConfig) === 'on') ? 'on' : 'off'
  } catch (error) {
    if (error instanceof NotReadable) return 'unknown'
    throw error
  }
}

/** Of a ProxyConfig; undefined: it does not say. */
function enablesHbone(config: unknown): 'on' | 'off' | undefined {
  const metadata = isObject(config) ? config.proxyMetadata : undefined
  const value = isObject(metadata) ? metadata.ISTIO_META_ENABLE_HBONE : undefined
  if (value === undefined) return undefined
  return String(value) === 'true' ? 'on' : 'off'
}

/** Who takes HBONE. Where nothing can be read, sidecars are those of a mesh with the ambient profile. */
export function sidecarHbone(snapshot: Snapshot, namespace: string): SidecarHbone {
  const injected = hboneSetting(snapshot) !== 'off'
  const sidecars = readable(() => itemsIn<Pod>(snapshot, 'pod', namespace)).filter(
    ({ metadata }) => metadata.annotations?.[meshAnnotations.sidecarStatus] !== undefined,
  )
  const running =
    sidecars.length === 0 ? injected : sidecars.every(({ metadata }) => takesHbone(metadata))
  return { running, injected }
}

function readable<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read()
  } catch (error) {
    if (error instanceof NotReadable) return []
    throw error
  }
}
