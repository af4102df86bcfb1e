import type { ClusterClient } from '../../cluster/client/types.ts'
import { meshConfiguration } from '../../cluster/controllers/mesh-control-plane.ts'
import { meshAnnotations, systemNamespace } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { expectations, inOrder } from '../deploy/deploy.ts'
import { generatorManifests, namespaceManifest, nodeManifest } from '../deploy/manifests.ts'
import { waitUntilReady } from '../deploy/ready.ts'
import { type Caller, serviceName } from './callers.ts'
import type { Target } from './targets.ts'

/** What is rehearsed: a namespace with everything in it, as it is before the migration. */
export interface RehearsedNamespace {
  readonly namespace: string
  /** Of the namespace itself; a sidecar namespace unless the original says otherwise. */
  readonly labels: Readonly<Record<string, string>>
  readonly objects: readonly KubeObject[]
  /** Where the callers' requests go. */
  readonly targets: readonly Target[]
  /** Whether its sidecars take HBONE, those that run and those to come. @default both */
  readonly hbone?: { readonly running: boolean; readonly injected: boolean }
}

export interface RehearsalDeployOptions {
  readonly generatorImage: string
  readonly onProgress?: (sentence: string) => void
  readonly signal?: AbortSignal
}

const nodes = ['node-1', 'node-2']
const readyDeadlineMs = 120_000
const pollMs = 150

/** Both nodes run ztunnels from the start: a cluster whose mesh is ready for ambient. */
export async function deployRehearsal(
  client: ClusterClient,
  rehearsed: RehearsedNamespace,
  callers: readonly Caller[],
  { generatorImage, onProgress, signal }: RehearsalDeployOptions,
): Promise<void> {
  const { namespace, labels, hbone = { running: true, injected: true } } = rehearsed
  await configureMesh(client, hbone.running)
  for (const name of nodes) await client.create(nodeManifest(name, true))
  for (const caller of callers) {
    const made = namespaceManifest(
      caller.namespace,
      caller.mesh === 'sidecar' ? 'sidecar' : 'baseline',
    )
    const own = caller.namespace === namespace ? { ...labels } : made.metadata.labels
    await client.create({
      ...made,
      metadata: { ...made.metadata, ...(own === undefined ? {} : { labels: own }) },
    })
  }
  const objects = inOrder([
    ...rehearsed.objects,
    ...callers.flatMap((caller) => callerManifests(caller, rehearsed, generatorImage)),
  ])
  for (const object of objects) await client.create(object)
  const awaited = [
    ...expectations([], namespace, nodes),
    ...[...new Set(callers.map((caller) => caller.namespace))].flatMap((each) =>
      expectations(
        objects.filter(({ metadata }) => metadata.namespace === each),
        each,
        [],
      ),
    ),
  ]
  await waitUntilReady(client, awaited, {
    deadlineMs: readyDeadlineMs,
    pollMs,
    onWaiting: onProgress,
    signal,
  })
  await configureMesh(client, hbone.injected)
}

/** Sidecars learn it when they are injected. */
async function configureMesh(client: ClusterClient, takesHbone: boolean): Promise<void> {
  const place = { namespace: systemNamespace, name: 'istio' }
  const data = { mesh: meshConfiguration({ takesHbone }) }
  await client.patch({ apiVersion: 'v1', kind: 'ConfigMap', ...place }, 'merge', { data })
}

/** In another namespace it says which services it calls. */
function callerManifests(
  caller: Caller,
  { namespace, targets }: RehearsedNamespace,
  image: string,
): KubeObject[] {
  const manifests = generatorManifests({ namespace: caller.namespace }, image)
  if (caller.namespace === namespace) return manifests
  return manifests.map((object) => {
    if (object.kind !== 'Deployment') return object
    const spec = object.spec as { template: { metadata: { annotations: object } } }
    const { template } = spec
    const annotations = {
      ...template.metadata.annotations,
      [meshAnnotations.calls]: targets
        .map(({ service }) => serviceName(caller, service, namespace))
        .join(','),
    }
    return {
      ...object,
      spec: { ...spec, template: { ...template, metadata: { ...template.metadata, annotations } } },
    }
  })
}
