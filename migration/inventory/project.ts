import { isObject, members } from '../../cluster/api/json.ts'
import type { KubeObject, ObjectMeta } from '../../cluster/objects.ts'
import type { ConfigMap } from './snapshot.ts'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** An object without the copies of itself that it carries. */
export function whole(object: KubeObject): KubeObject {
  return { ...object, metadata: withoutCopies(object.metadata) }
}

/** As `whole`, but who owns which field stays: MB021 asks for it. */
export function withManagers(object: KubeObject): KubeObject {
  const { managedFields } = object.metadata
  const metadata = withoutCopies(object.metadata)
  return { ...object, metadata: { ...metadata, ...(managedFields && { managedFields }) } }
}

function withoutCopies({ managedFields: _, annotations, ...rest }: ObjectMeta): ObjectMeta {
  if (annotations === undefined) return rest
  const { [LAST_APPLIED]: __, ...kept } = annotations
  return { ...rest, annotations: kept }
}

export function metadataOnly({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata: withoutCopies(metadata) }
}

/** Of annotations only those that decide or tell how something is in a mesh. */
function meshAnnotations(metadata: ObjectMeta): ObjectMeta {
  const {
    annotations = {},
    managedFields: _,
    finalizers: __,
    generateName: ___,
    ...rest
  } = metadata
  const kept = Object.entries(annotations).filter(([key]) => MESH.test(key))
  return { ...rest, ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }) }
}

const MESH =
  /istio\.io\/|^prometheus\.io\/|kubevirt|^meshbench\.dev\/|^cni\.projectcalico\.org\/|^kubernetes\.io\/config\.source$/

/** A pod in outline: who it is, where it runs, how it is in the mesh. */
export function otherPod(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata } = object
  const spec = isObject(object.spec) ? object.spec : {}
  const status = isObject(object.status) ? object.status : {}
  return {
    apiVersion,
    kind,
    metadata: meshAnnotations(metadata),
    spec: {
      ...picked(spec, ['nodeName', 'hostNetwork', 'serviceAccountName']),
      ...(spec.initContainers !== undefined && {
        initContainers: members(spec.initContainers).map(containerOutline),
      }),
      containers: members(spec.containers).map(containerOutline),
    },
    status: podStatus(status),
  }
}

/** A pod to migrate. What its containers do stands in its workload's template, unless nobody owns it. */
export function targetPod(object: KubeObject): KubeObject {
  if (object.metadata.ownerReferences?.some(({ controller }) => controller)) {
    return otherPod(object)
  }
  const status = isObject(object.status) ? object.status : {}
  return { ...object, metadata: withoutCopies(object.metadata), status: podStatus(status) }
}

function containerOutline(container: Record<string, unknown>): Record<string, unknown> {
  return picked(container, ['name', 'image', 'restartPolicy', 'ports'])
}

function podStatus(status: Record<string, unknown>): Record<string, unknown> {
  return {
    ...picked(status, ['phase', 'podIP', 'hostIP', 'startTime']),
    conditions: members(status.conditions)
      .filter(({ type }) => type === 'Ready')
      .map((condition) => picked(condition, ['type', 'status'])),
    ...statuses(status, 'initContainerStatuses'),
    ...statuses(status, 'containerStatuses'),
  }
}

function statuses(status: Record<string, unknown>, name: string): Record<string, unknown> {
  if (status[name] === undefined) return {}
  const kept = ['name', 'ready', 'started', 'restartCount', 'state']
  return { [name]: members(status[name]).map((container) => picked(container, kept)) }
}

/** A Deployment, StatefulSet or DaemonSet that is not migrated and no part of the mesh. */
export function otherWorkload(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, status } = object
  const spec = isObject(object.spec) ? object.spec : {}
  const template = isObject(spec.template) ? spec.template : {}
  const inside = isObject(template.metadata) ? template.metadata : {}
  const pod = isObject(template.spec) ? template.spec : {}
  return {
    apiVersion,
    kind,
    metadata: meshAnnotations(metadata),
    spec: {
      ...picked(spec, ['replicas', 'selector']),
      template: {
        metadata: meshAnnotations({ name: '', ...picked(inside, ['labels', 'annotations']) }),
        spec: {
          ...picked(pod, ['serviceAccountName', 'hostNetwork']),
          containers: members(pod.containers).map(containerOutline),
        },
      },
    },
    ...(status !== undefined && { status }),
  }
}

export function node(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata } = object
  const status = isObject(object.status) ? object.status : {}
  const info = isObject(status.nodeInfo) ? status.nodeInfo : {}
  return {
    apiVersion,
    kind,
    metadata: meshAnnotations(metadata),
    spec: picked(isObject(object.spec) ? object.spec : {}, [
      'unschedulable',
      'taints',
      'providerID',
    ]),
    status: {
      conditions: members(status.conditions).filter(({ type }) => type === 'Ready'),
      nodeInfo: picked(info, ['operatingSystem', 'osImage', 'kubeletVersion', 'architecture']),
    },
  }
}

/** Without the schemas, which are long. */
export function definition(object: KubeObject): KubeObject {
  const spec = isObject(object.spec) ? object.spec : {}
  return {
    ...metadataOnly(object),
    spec: {
      ...picked(spec, ['group', 'names', 'scope']),
      versions: members(spec.versions).map((version) =>
        picked(version, ['name', 'served', 'storage']),
      ),
    },
  }
}

/** Without certificates. */
export function webhooks(object: KubeObject): KubeObject {
  const kept = ['name', 'namespaceSelector', 'objectSelector', 'failurePolicy']
  return {
    ...metadataOnly(object),
    webhooks: members(object.webhooks).map((hook) => {
      const client = isObject(hook.clientConfig) ? hook.clientConfig : {}
      return { ...picked(hook, kept), clientConfig: picked(client, ['service', 'url']) }
    }),
  }
}

const MESH_METRIC = /istio_[a-z_]+|reporter=\\?"[a-z]+\\?"/g

/** A dashboard is megabytes long, and only the metrics of the mesh it names matter. */
export function dashboard(object: KubeObject): KubeObject {
  const data = isObject(object.data) ? object.data : {}
  const named = Object.entries(data).map(([key, text]) => [key, meshMetricsIn(String(text))])
  return { ...metadataOnly(object), data: Object.fromEntries(named) }
}

export function alertRules(object: KubeObject): KubeObject {
  return { ...metadataOnly(object), spec: { metrics: meshMetricsIn(JSON.stringify(object.spec)) } }
}

export function meshMetricsIn(text: string): string {
  return [...new Set(text.match(MESH_METRIC) ?? [])]
    .map((one) => one.replaceAll('\\', ''))
    .join(' ')
}

const OF_PARTS = /^istio-(sidecar-injector|cni-config)/

/** What the mesh is configured with; undefined for what else lies in its namespace, dashboards say. */
export function configuration(object: ConfigMap): KubeObject | undefined {
  const { name } = object.metadata
  const { data = {}, ...rest } = object
  if (data.mesh === undefined && !OF_PARTS.test(name)) return undefined
  // The injector's template is long, and none of the checks reads it.
  const { config: _, ...values } = data
  const isInjector = name.startsWith('istio-sidecar-injector')
  return whole({ ...rest, data: isInjector ? values : data })
}

function picked(
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const name of names) if (object[name] !== undefined) kept[name] = object[name]
  return kept
}
