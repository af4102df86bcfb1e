import type { DaemonSet, Deployment } from '../../cluster/kinds.ts'
import { liveTakeoverAnnotation } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { NotReadable, type Snapshot } from '../inventory/snapshot.ts'

/** What of the mesh's own configuration decides how a namespace moves. */
export interface MeshFacts {
  readonly trustDomain: string
  readonly trustDomainAliases: readonly string[]
  readonly rootNamespace: string
  readonly istioVersion?: string
  readonly liveTakeover: boolean
}

interface ConfigMap extends KubeObject {
  data?: Readonly<Record<string, string>>
}

/** Defaults stand for whatever cannot be read; the check that wanted it says so. */
export function meshFacts(snapshot: Snapshot): MeshFacts {
  const istiod = readable(() => snapshot.items<Deployment>('deployment')).find(
    ({ metadata }) => metadata.labels?.app === 'istiod',
  )
  const home = snapshot.rootNamespace
  const mesh =
    readable(() => snapshot.items<ConfigMap>('configMap')).find(
      ({ metadata }) => metadata.name === 'istio' && metadata.namespace === home,
    )?.data?.mesh ?? ''
  const version = versionOf(istiod)
  const rootNamespace = scalar(mesh, 'rootNamespace') ?? home
  return {
    trustDomain: scalar(mesh, 'trustDomain') ?? 'cluster.local',
    trustDomainAliases: list(mesh, 'trustDomainAliases'),
    rootNamespace,
    ...(version === undefined ? {} : { istioVersion: version }),
    liveTakeover: takesOverLive(snapshot),
  }
}

/** `gcr.io/istio-release/pilot:1.30.3-distroless@sha256:...` is 1.30.3. */
function versionOf(istiod: Deployment | undefined): string | undefined {
  const images = istiod?.spec.template.spec.containers.map(({ image }) => image) ?? []
  return images
    .map((image) => /:v?(\d+\.\d+(?:\.\d+)?)[^/]*$/.exec(image.replace(/@.*$/, ''))?.[1])
    .find((version) => version !== undefined)
}

/** The embedded cluster says so on its ztunnels. */
function takesOverLive(snapshot: Snapshot): boolean {
  return readable(() => snapshot.items<DaemonSet>('daemonSet')).some(
    ({ metadata }) => metadata.annotations?.[liveTakeoverAnnotation] === 'true',
  )
}

/** Top-level `key: value` of mesh configuration: all that is needed of its YAML. */
function scalar(yaml: string, key: string): string | undefined {
  const value = new RegExp(`^${key}:[ \\t]*(.+?)[ \\t]*$`, 'm').exec(yaml)?.[1]
  return value?.replace(/\s+#.*$/, '').replace(/^(['"])(.*)\1$/, '$2')
}

function list(yaml: string, key: string): readonly string[] {
  const flow = scalar(yaml, key)
  const block = new RegExp(`^${key}:[ \\t]*\\n((?:[ \\t]*-[^\\n]*\\n?)+)`, 'm').exec(yaml)?.[1]
  const items = flow?.startsWith('[')
    ? flow.slice(1, -1).split(',')
    : (block?.split('\n').map((line) => line.replace(/^[ \t]*-/, '')) ?? [])
  return items.map((item) => item.trim().replace(/^(['"])(.*)\1$/, '$2')).filter(Boolean)
}

/** Nothing where it could not be read: for what a check reports on its own. */
export function readable<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read()
  } catch (error) {
    if (error instanceof NotReadable) return []
    throw error
  }
}
