import type { ClusterClient } from '../../cluster/client/types.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { inventoryKinds } from './kinds.ts'
import { configuration, dashboard, definition, metadataOnly } from './project.ts'
import { type ReadOutcome, tried } from './read-outcome.ts'

/** Read one by one, because the list of them all is long and mostly none of our business. */
export interface Configuration {
  /** Of the root namespace. */
  readonly configMaps: ReadOutcome
  /** By `namespace/name`: those of other system namespaces. */
  readonly named: ReadonlyMap<string, ReadOutcome>
  readonly dashboards: ReadOutcome
  readonly secrets: ReadOutcome
  readonly definitions: ReadOutcome
}

const SYSTEM_CONFIG_MAPS = [
  'kube-system/cilium-config',
  'kube-system/istio-cni-config',
  'kube-system/calico-config',
]

const GATEWAY_DEFINITIONS = ['gatewayclasses', 'gateways', 'httproutes', 'grpcroutes'].map(
  (plural) => `${plural}.gateway.networking.k8s.io`,
)

export async function readConfiguration(
  client: ClusterClient,
  rootNamespace: string,
  signal?: AbortSignal,
): Promise<Configuration> {
  const { configMap, secret, customResourceDefinition } = inventoryKinds
  const list = (
    kind: typeof configMap | typeof secret,
    selection: { readonly namespace?: string; readonly labelSelector?: string },
    keep: (object: KubeObject) => KubeObject | undefined,
  ) =>
    tried(`list ${kind.kind}s${selection.namespace ? ` in ${selection.namespace}` : ''}`, () =>
      client.listEach<KubeObject, KubeObject>(kind, selection, keep, signal),
    )
  const one = (ref: Parameters<ClusterClient['get']>[0], keep: (o: KubeObject) => KubeObject) =>
    tried(`get ${ref.kind} ${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`, async () => {
      const object = await client.get(ref)
      return object === undefined ? [] : [keep(object)]
    })

  const [configMaps, dashboards, secrets, definitions, ...named] = await Promise.all([
    list(configMap, { namespace: rootNamespace }, configuration),
    list(configMap, { labelSelector: 'grafana_dashboard=1' }, dashboard),
    list(
      secret,
      { namespace: rootNamespace, labelSelector: 'istio/multiCluster=true' },
      metadataOnly,
    ),
    Promise.all(
      GATEWAY_DEFINITIONS.map((name) => one({ ...customResourceDefinition, name }, definition)),
    ),
    ...SYSTEM_CONFIG_MAPS.map((key) => {
      const [namespace = '', name = ''] = key.split('/')
      return one({ ...configMap, namespace, name }, (object) => object)
    }),
  ])
  const refused = definitions.find((outcome) => 'why' in outcome)
  return {
    configMaps,
    dashboards,
    secrets,
    definitions: refused ?? {
      items: definitions.flatMap((outcome) => ('items' in outcome ? outcome.items : [])),
    },
    named: new Map(
      SYSTEM_CONFIG_MAPS.map((key, index) => [key, named[index] as ReadOutcome] as const),
    ),
  }
}
