import type { ClusterClient } from '../../cluster/client/types.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import type { Mode } from '../modes.ts'
import type { RunOptions } from '../result/schema.ts'
import {
  bindToWaypoint,
  generatorManifests,
  namespaceManifest,
  nodeManifest,
  type Place,
  placeOf,
  waypointManifest,
} from './manifests.ts'
import { gatewayNameLabel, generatorName, isAmbient, neighbourNamespacesOf } from './names.ts'
import type { Pod } from './pods.ts'
import { type Expectation, waitUntilReady } from './ready.ts'
import { type Workload, workloadManifests } from './workload.ts'

export interface DeployOptions {
  readonly mode: Mode
  readonly workload: Workload
  readonly adjust: Pick<RunOptions, 'replicas' | 'responseBytes' | 'workloadsPerNode' | 'sameNode'>
  readonly generatorImage: string
  readonly onProgress?: (sentence: string) => void
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

export interface Deployment {
  readonly mode: Mode
  readonly namespace: string
  readonly entry: string
  readonly generatorPod: string
  /** All pods of the mode, ztunnels and waypoint included, as they were when everything was ready. */
  readonly pods: readonly Pod[]
}

/** A dozen Node processes start at once on as few as two cores; 90 s is far above the seen 10. */
const readyDeadlineMs = 90_000
const pollMs = 150

/** Creates one mode's nodes, namespace, proxies, services and generator; resolves when all are ready. */
export async function deployMode(
  client: ClusterClient,
  options: DeployOptions,
): Promise<Deployment> {
  const { mode } = options
  const place = placeOf(mode, options.adjust.sameNode)
  const nodes = [...new Set([place.clientNode, place.serverNode])]
  const deployed = await deployInto(client, place, nodes, isAmbient(mode), options)
  const neighbours = neighbourNamespacesOf(mode, options.adjust.workloadsPerNode)
  const copies = await Promise.all(
    neighbours.map((namespace) => deployNeighbour(client, { ...place, namespace }, options)),
  )
  return { ...deployed, pods: [...deployed.pods, ...copies.flat()] }
}

/** The workload once more beside the one under load: in the mesh, ready, without any requests. */
async function deployNeighbour(
  client: ClusterClient,
  { namespace, serverNode: node }: Place,
  options: DeployOptions,
): Promise<readonly Pod[]> {
  await client.create(namespaceManifest(namespace, options.mode))
  const objects = workloadManifests(options.workload, { namespace, node }, options.adjust)
  for (const object of inOrder(objects)) await client.create(object)
  return waitUntilReady(client, expectations(objects, namespace, []), waiting(options))
}

/** The same into any namespace and nodes, which are made; ztunnels run there or not. */
export async function deployInto(
  client: ClusterClient,
  place: Place,
  nodes: readonly string[],
  withZtunnels: boolean,
  options: DeployOptions,
): Promise<Deployment> {
  const { mode, workload } = options
  const { namespace, serverNode: node } = place
  for (const name of nodes) await client.create(nodeManifest(name, withZtunnels))
  await client.create(namespaceManifest(namespace, mode))
  const services = workloadManifests(workload, { namespace, node }, options.adjust)
  const objects = [
    ...(mode === 'waypoint'
      ? [waypointManifest(place), ...services.map(bindToWaypoint)]
      : services),
    ...generatorManifests(place, options.generatorImage),
  ]
  for (const object of inOrder(objects)) await client.create(object)

  const awaited = expectations(objects, namespace, withZtunnels ? nodes : [])
  const pods = await waitUntilReady(client, awaited, waiting(options))
  const generator = pods.find(({ metadata }) => metadata.labels?.app === generatorName)
  return {
    mode,
    namespace,
    entry: workload.entry,
    generatorPod: generator?.metadata.name ?? '',
    pods,
  }
}

function waiting({ deadlineMs = readyDeadlineMs, onProgress, signal }: DeployOptions) {
  return { deadlineMs, pollMs, onWaiting: onProgress, signal }
}

const podMakers: readonly string[] = ['Deployment', 'StatefulSet', 'DaemonSet']

/** A pod learns of services by its environment, so all of them exist before the first pod starts. */
export function inOrder(objects: readonly KubeObject[]): KubeObject[] {
  const pods = ({ kind }: KubeObject): number => (podMakers.includes(kind) ? 1 : 0)
  return [...objects].sort((a, b) => pods(a) - pods(b))
}

interface DeploymentSpec {
  readonly replicas?: number
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
}

/** Every workload, the node proxies and the waypoint that must be there before load starts. */
export function expectations(
  objects: readonly KubeObject[],
  namespace: string,
  ztunnelNodes: readonly string[],
): Expectation[] {
  const deployments = objects
    .filter(({ kind }) => podMakers.includes(kind))
    .map((object): Expectation => {
      const spec = object.spec as DeploymentSpec
      return {
        title: object.metadata.name,
        namespace,
        labelSelector: Object.entries(spec.selector.matchLabels)
          .map(([key, value]) => `${key}=${value}`)
          .join(','),
        count: spec.replicas ?? 1,
      }
    })
  const ztunnels = ztunnelNodes.map(
    (nodeName): Expectation => ({
      title: `ztunnel on ${nodeName}`,
      namespace: 'istio-system',
      labelSelector: 'app=ztunnel',
      nodeName,
      count: 1,
    }),
  )
  const waypoints = objects
    .filter(({ kind }) => kind === 'Gateway')
    .map(
      ({ metadata }): Expectation => ({
        title: metadata.name,
        namespace,
        labelSelector: `${gatewayNameLabel}=${metadata.name}`,
        count: 1,
      }),
    )
  return [...ztunnels, ...waypoints, ...deployments]
}
