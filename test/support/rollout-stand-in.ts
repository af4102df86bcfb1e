// A Deployment of two pods in `shop` on an API server without controllers: a change of its template
// replaces both at once, under the same names, so that states can be compared.
import type { MemoryStore } from '../../cluster/api/memory-store.ts'
import { type Deployment, kinds } from '../../cluster/kinds.ts'
import type { Call } from '../../migration/result/plan.ts'
import { addPod } from './migration-stage.ts'

export const stored = { ...kinds.deployment, name: 'store', namespace: 'shop' }
const hash = 'abc'
const names = ['store-abc-1', 'store-abc-2']

export function deployStore(store: MemoryStore): { stop(): void } {
  const labels = { app: 'store' }
  store.create<Deployment>({
    ...kinds.deployment,
    metadata: { name: stored.name, namespace: stored.namespace },
    spec: {
      replicas: names.length,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'x' }] } },
    },
  })
  rollOut(store)
  return store.watch<Deployment>(kinds.deployment, {}, ({ type, object }) => {
    const { name, generation = 1 } = object.metadata
    if (type !== 'MODIFIED' || name !== stored.name) return
    if (generation > (object.status?.observedGeneration ?? 0)) rollOut(store)
  })
}

function rollOut(store: MemoryStore): void {
  for (const name of names) {
    store.delete({ ...kinds.pod, name, namespace: 'shop' }, { gracePeriodSeconds: 0 })
    addPod(store, name, { app: 'store', 'pod-template-hash': hash }, [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: `store-${hash}`,
        uid: 'rs',
        controller: true,
      },
    ])
  }
  store.mutateStatus<Deployment>(stored, (one) => ({
    ...one,
    status: {
      observedGeneration: one.metadata.generation ?? 1,
      replicas: names.length,
      updatedReplicas: names.length,
      availableReplicas: names.length,
    },
  }))
}

/** As `--restart-workloads` does it. */
export const restartStore: Call = {
  verb: 'patch',
  ref: stored,
  patch: [
    { op: 'add', path: '/spec/template/metadata/annotations', value: { restartedAt: 'now' } },
  ],
}
