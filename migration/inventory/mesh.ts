import { parse } from 'yaml'
import { isObject, type JsonObject } from '../../cluster/api/json.ts'
import type { Container, DaemonSet, Deployment, PodTemplate } from '../../cluster/kinds.ts'
import { inProcessAnnotation } from '../../cluster/mesh-labels.ts'
import { type ConfigMap, NotReadable, type Snapshot } from './snapshot.ts'
import { type Version, versionOfImage } from './versions.ts'

/** One istiod; there may be several revisions side by side. */
export interface ControlPlane {
  /** `Deployment istio-system/istiod` */
  readonly resource: string
  readonly name: string
  readonly namespace: string
  /** `default`, `1-30-3` */
  readonly revision: string
  readonly image: string
  readonly version?: Version
  readonly env: ReadonlyMap<string, string>
}

/** A DaemonSet of the data plane. */
export interface NodeComponent {
  readonly resource: string
  readonly namespace: string
  readonly set: DaemonSet
  readonly image: string
  readonly version?: Version
  readonly env: ReadonlyMap<string, string>
  /** It stands for a part of the embedded cluster itself, and so has no pods. */
  readonly inProcess: boolean
}

const knownPlanes = new WeakMap<Snapshot, readonly ControlPlane[]>()

export function controlPlanes(snapshot: Snapshot): readonly ControlPlane[] {
  const known = knownPlanes.get(snapshot) ?? findControlPlanes(snapshot)
  knownPlanes.set(snapshot, known)
  return known
}

function findControlPlanes(snapshot: Snapshot): readonly ControlPlane[] {
  const found = snapshot
    .items<Deployment>('deployment')
    .filter(({ metadata }) => metadata.labels?.app === 'istiod')
    .map(({ metadata, spec }): ControlPlane => {
      const container = containerOf(spec.template, 'discovery')
      const env = envOf(container)
      const { name, namespace = '' } = metadata
      return {
        resource: `Deployment ${namespace}/${name}`,
        name,
        namespace,
        revision: env.get('REVISION') || metadata.labels?.['istio.io/rev'] || 'default',
        ...imageOf(container),
        env,
      }
    })
  if (found.length === 0 && snapshot.source.from === 'files') {
    throw new NotReadable('the files do not hold the Deployment of istiod')
  }
  return found
}

export function ztunnel(snapshot: Snapshot): NodeComponent | undefined {
  return nodeComponent(snapshot, 'ztunnel', (labels) => labels.app === 'ztunnel')
}

export function cni(snapshot: Snapshot): NodeComponent | undefined {
  return nodeComponent(snapshot, 'istio-cni', (labels) => labels['k8s-app'] === 'istio-cni-node')
}

function nodeComponent(
  snapshot: Snapshot,
  what: string,
  matches: (labels: Readonly<Record<string, string>>) => boolean,
): NodeComponent | undefined {
  const set = snapshot
    .items<DaemonSet>('daemonSet')
    .find(
      ({ metadata, spec }) =>
        matches(metadata.labels ?? {}) || matches(spec.template.metadata?.labels ?? {}),
    )
  if (set === undefined) {
    if (snapshot.source.from === 'files') {
      throw new NotReadable(`the files do not hold the DaemonSet of ${what}`)
    }
    return undefined
  }
  const { name, namespace = '', annotations } = set.metadata
  const [container] = set.spec.template.spec.containers
  return {
    resource: `DaemonSet ${namespace}/${name}`,
    namespace,
    set,
    ...imageOf(container),
    env: envOf(container),
    inProcess: annotations?.[inProcessAnnotation] === 'true',
  }
}

/** What istio-cni is configured with: its ConfigMap, over which its own environment has precedence. */
export function cniSetting(snapshot: Snapshot, name: string): string | undefined {
  const component = cni(snapshot)
  if (component === undefined) return undefined
  const own = component.env.get(name)
  if (own !== undefined) return own
  return snapshot.probes.configMap(component.namespace, 'istio-cni-config')?.data?.[name]
}

export interface MeshConfig {
  /** `ConfigMap istio-system/istio` */
  readonly resource: string
  /** `default` for the ConfigMap without a suffix. */
  readonly revision: string
  readonly config: JsonObject
}

/** Of every revision. */
export function meshConfigs(snapshot: Snapshot): readonly MeshConfig[] {
  return snapshot
    .items<ConfigMap>('configMap')
    .filter(
      ({ metadata, data }) =>
        metadata.namespace === snapshot.rootNamespace &&
        /^istio(-|$)/.test(metadata.name) &&
        data?.mesh !== undefined,
    )
    .map(({ metadata, data }) => ({
      resource: `ConfigMap ${metadata.namespace}/${metadata.name}`,
      revision: metadata.name.replace(/^istio-?/, '') || 'default',
      config: parsed(data?.mesh ?? '', `ConfigMap ${metadata.name}`),
    }))
}

/** The Helm values that the injector works with. */
export function injectorValues(snapshot: Snapshot): readonly MeshConfig[] {
  return snapshot
    .items<ConfigMap>('configMap')
    .filter(
      ({ metadata, data }) =>
        metadata.name.startsWith('istio-sidecar-injector') && data?.values !== undefined,
    )
    .map(({ metadata, data }) => ({
      resource: `ConfigMap ${metadata.namespace}/${metadata.name}`,
      revision: metadata.name.replace(/^istio-sidecar-injector-?/, '') || 'default',
      config: parsed(data?.values ?? '', `ConfigMap ${metadata.name}`),
    }))
}

/** YAML, of which JSON is a part. */
export function parsedYaml(text: string, what: string): unknown {
  try {
    return parse(text)
  } catch {
    throw new NotReadable(`${what} holds something that is not YAML`)
  }
}

function parsed(text: string, what: string): JsonObject {
  const value = parsedYaml(text, what)
  return isObject(value) ? value : {}
}

function containerOf({ spec }: PodTemplate, name: string): Container | undefined {
  return spec.containers.find((one) => one.name === name) ?? spec.containers[0]
}

function imageOf(container: Container | undefined): Pick<ControlPlane, 'image' | 'version'> {
  const image = container?.image ?? ''
  const version = versionOfImage(image)
  return { image, ...(version && { version }) }
}

export function envOf(container: Container | undefined): ReadonlyMap<string, string> {
  return new Map((container?.env ?? []).map(({ name, value = '' }) => [name, value]))
}
