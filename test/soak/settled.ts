import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { isTrue } from '../../cluster/controllers/conditions.ts'
import {
  type Deployment,
  type Gateway,
  kinds,
  type Pod,
  type Service,
} from '../../cluster/kinds.ts'
import { meshAnnotations } from '../../cluster/mesh-labels.ts'

const pollMs = 200
const patienceMs = 120_000

/** Asks again and again; says what it waited for when that never came. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean>,
  limitMs = patienceMs,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`)
    await sleep(pollMs)
  }
}

const annotation = ({ metadata }: Pod, name: string): string | undefined =>
  metadata.annotations?.[name]
const leaving = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined

/** What the pods of one namespace look like from outside. */
export class Settled {
  readonly #client: ClusterClient
  readonly #namespace: string

  constructor(client: ClusterClient, namespace: string) {
    this.#client = client
    this.#namespace = namespace
  }

  rolledOut(): Promise<void> {
    return eventually('all deployments', async () => {
      const namespace = this.#namespace
      const found = await this.#client.list<Deployment>(kinds.deployment, { namespace })
      return found.every(({ metadata, spec, status }) => {
        const wanted = spec.replicas ?? 1
        return (
          status?.observedGeneration === metadata.generation &&
          status?.updatedReplicas === wanted &&
          status.replicas === wanted &&
          status.availableReplicas === wanted
        )
      })
    })
  }

  nobodyLeaves(): Promise<void> {
    return eventually(
      'pods that end',
      async () => !(await this.#client.list<Pod>(kinds.pod)).some(leaving),
    )
  }

  capturedBy(captor: 'ztunnel' | 'sidecar' | 'nobody'): Promise<void> {
    return this.#every(`pods captured by ${captor}`, (pod) => {
      const sidecar = annotation(pod, meshAnnotations.sidecarStatus) !== undefined
      const takeover = annotation(pod, meshAnnotations.takeover)
      const redirected = annotation(pod, meshAnnotations.redirection) === 'enabled'
      // The generator keeps its sidecar throughout, and goes back to it where nobody else has one.
      if (captor === 'ztunnel') {
        return redirected && (!sidecar || takeover === 'draining' || takeover === 'idle')
      }
      return takeover === undefined && !redirected && (captor === 'nobody' || sidecar)
    })
  }

  waypointIsReady(name: string): Promise<void> {
    return eventually(`gateway ${name}`, async () => {
      const namespace = this.#namespace
      const found = await this.#client.get<Gateway>({ ...kinds.gateway, namespace, name })
      return isTrue(found?.status?.conditions, 'Programmed')
    })
  }

  boundToWaypoint(bound: boolean): Promise<void> {
    return eventually(bound ? 'bound services' : 'unbound services', async () => {
      const namespace = this.#namespace
      const labelSelector = 'app.kubernetes.io/part-of'
      const found = await this.#client.list<Service & { status?: Deployment['status'] }>(
        kinds.service,
        { namespace, labelSelector },
      )
      return found.every(
        ({ status }) => isTrue(status?.conditions, 'istio.io/WaypointBound') === bound,
      )
    })
  }

  #every(what: string, matches: (pod: Pod) => boolean): Promise<void> {
    return eventually(what, async () => {
      const namespace = this.#namespace
      const pods = await this.#client.list<Pod>(kinds.pod, { namespace })
      const own = pods.filter(
        (pod) => !leaving(pod) && pod.metadata.labels?.['gateway.istio.io/managed'] === undefined,
      )
      return own.length > 0 && own.every(matches)
    })
  }
}
