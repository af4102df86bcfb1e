import { isObject } from '../../cluster/api/json.ts'
import type { Pod } from '../../cluster/kinds.ts'
import { meshAnnotations, takesHbone } from '../../cluster/mesh-labels.ts'
import { itemsIn } from './by-namespace.ts'
import { meshConfigs } from './mesh.ts'
import { NotReadable, type Snapshot } from './snapshot.ts'

export interface SidecarHbone {
  /** Of the sidecars that run in the namespace. */
  readonly running: boolean
  /** Of those that would be injected now. */
  readonly injected: boolean
}

/** Who takes HBONE. Where nothing can be read, sidecars are those of a mesh with the ambient profile. */
export function sidecarHbone(snapshot: Snapshot, namespace: string): SidecarHbone {
  const injected = readable(() => meshConfigs(snapshot)).every(({ config }) => {
    const { defaultConfig } = config
    const metadata = isObject(defaultConfig) ? defaultConfig.proxyMetadata : undefined
    return isObject(metadata) && String(metadata.ISTIO_META_ENABLE_HBONE) === 'true'
  })
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
