import type { ClusterClient } from '../../cluster/client/types.ts'
import { type DaemonSet, kinds, type Pod } from '../../cluster/kinds.ts'
import { waypointManifest } from '../../harness/deploy/manifests.ts'
import { generatorName, waypointName } from '../../harness/deploy/names.ts'
import { eventually, Settled } from './settled.ts'

export interface Change {
  readonly name: string
  /** Kills lose what is under way; planned changes must not lose anything. */
  readonly mayLose?: boolean
  /** Resolves when the cluster says that it is done. */
  run(): Promise<void>
}

const services = ['frontend', 'backend', 'store'] as const
const usualReplicas = 2

/**
 * One round through everything that people plan: pods come, go and are replaced; the namespace goes
 * from sidecars to ambient, through a waypoint, back, out of the mesh and in again. Ends where it began.
 */
export function churn(client: ClusterClient, namespace: string): readonly Change[] {
  const settled = new Settled(client, namespace)
  const label = (labels: Record<string, string | null>): Promise<unknown> =>
    client.patch({ ...kinds.namespace, name: namespace }, 'merge', { metadata: { labels } })
  const scale = (name: string, replicas: number) => async (): Promise<void> => {
    await client.patch({ ...kinds.deployment, name, namespace }, 'merge', { spec: { replicas } })
    await settled.rolledOut()
  }
  const restart =
    (...names: readonly string[]) =>
    async (): Promise<void> => {
      for (const name of names) await annotateTemplate({ ...kinds.deployment, name, namespace })
      await settled.rolledOut()
    }
  const annotateTemplate = (ref: Parameters<ClusterClient['get']>[0]): Promise<unknown> => {
    const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() }
    return client.patch(ref, 'strategic', { spec: { template: { metadata: { annotations } } } })
  }
  const toAmbient = async (): Promise<void> => {
    await label({ 'istio-injection': null, 'istio.io/dataplane-mode': 'ambient' })
    await settled.capturedBy('ztunnel')
  }
  const toSidecars = async (): Promise<void> => {
    await label({ 'istio-injection': 'enabled', 'istio.io/dataplane-mode': null })
    await settled.capturedBy('sidecar')
  }
  const restartZtunnels = async (): Promise<void> => {
    const ref = { ...kinds.daemonSet, namespace: 'istio-system', name: 'ztunnel' }
    await annotateTemplate(ref)
    await eventually('new ztunnels', async () => {
      const { metadata, status } = (await client.get<DaemonSet>(ref)) ?? { metadata: undefined }
      const wanted = status?.desiredNumberScheduled
      return (
        status?.observedGeneration === metadata?.generation &&
        status?.updatedNumberScheduled === wanted &&
        status?.numberReady === wanted
      )
    })
  }
  const bind = async (): Promise<void> => {
    await client.create(waypointManifest({ namespace }))
    await settled.waypointIsReady(waypointName)
    await label({ 'istio.io/use-waypoint': waypointName })
    await settled.boundToWaypoint(true)
  }
  const unbind = async (): Promise<void> => {
    await label({ 'istio.io/use-waypoint': null })
    await settled.boundToWaypoint(false)
  }
  const removeWaypoint = async (): Promise<void> => {
    await client.delete({ ...kinds.gateway, name: waypointName, namespace })
    const labelSelector = `gateway.networking.k8s.io/gateway-name=${waypointName}`
    await eventually(
      'no waypoint',
      async () => (await client.list<Pod>(kinds.pod, { namespace, labelSelector })).length === 0,
    )
  }
  return [
    { name: 'scale up', run: scale('backend', usualReplicas * 2) },
    { name: 'scale down', run: scale('backend', usualReplicas) },
    { name: 'restart with sidecars', run: restart('frontend', 'store') },
    { name: 'sidecars to ambient', run: toAmbient },
    { name: 'restart ztunnels', run: restartZtunnels },
    { name: 'ambient to sidecars', run: toSidecars },
    { name: 'sidecars to ambient again', run: toAmbient },
    { name: 'restart in ambient', run: restart(...services) },
    { name: 'bind a waypoint', run: bind },
    { name: 'restart the waypoint', run: restart(waypointName) },
    { name: 'scale behind the waypoint', run: scale('store', usualReplicas * 2) },
    { name: 'scale back', run: scale('store', usualReplicas) },
    { name: 'unbind the waypoint', run: unbind },
    { name: 'remove the waypoint', run: removeWaypoint },
    {
      name: 'leave ambient',
      run: async () => {
        await label({ 'istio.io/dataplane-mode': null })
        await settled.capturedBy('nobody')
      },
    },
    { name: 'enrol without sidecars', run: toAmbient },
    {
      name: 'inject by restart',
      run: async () => {
        await label({ 'istio-injection': 'enabled', 'istio.io/dataplane-mode': null })
        await restart(...services)()
        await settled.capturedBy('sidecar')
      },
    },
  ]
}

/** SIGKILL of one process of each kind; the cluster has to mend itself. */
export function kills(client: ClusterClient, namespace: string): readonly Change[] {
  const settled = new Settled(client, namespace)
  const kill = (what: string, find: () => Promise<number | undefined>): Change => ({
    name: `kill ${what}`,
    mayLose: true,
    run: async () => {
      const pid = await find()
      if (pid === undefined) throw new Error(`found no ${what} to kill`)
      process.kill(pid, 'SIGKILL')
      await eventually(`the ${what} to be another process`, async () => {
        const next = await find()
        return next !== undefined && next !== pid
      })
      await settled.rolledOut()
    },
  })
  const pidOf = (id: string | undefined): number | undefined =>
    id === undefined ? undefined : Number(id.replace('process://', ''))
  const first = async (where: string, labelSelector: string): Promise<Pod | undefined> => {
    const pods = await client.list<Pod>(kinds.pod, { namespace: where, labelSelector })
    return pods.find(({ metadata }) => metadata.deletionTimestamp === undefined)
  }
  return [
    kill('application', async () =>
      pidOf((await first(namespace, 'app=backend'))?.status?.containerStatuses?.[0]?.containerID),
    ),
    kill('sidecar', async () =>
      pidOf(
        (await first(namespace, 'app=frontend'))?.status?.initContainerStatuses?.[0]?.containerID,
      ),
    ),
    kill('ztunnel', async () =>
      pidOf(
        (await first('istio-system', 'app=ztunnel'))?.status?.containerStatuses?.[0]?.containerID,
      ),
    ),
    kill(`sidecar of ${generatorName}`, async () =>
      pidOf(
        (await first(namespace, `app=${generatorName}`))?.status?.initContainerStatuses?.[0]
          ?.containerID,
      ),
    ),
  ]
}
