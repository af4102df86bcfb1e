import type { KindRef } from '../../cluster/api/store.ts'
import { ClusterError, isNotFound } from '../../cluster/errors.ts'
import { type Deployment, kinds, type Pod, type PodTemplate } from '../../cluster/kinds.ts'
import {
  countOf,
  namespaceOf,
  some,
  untilProved,
  type Verifier,
  type VerifyContext,
} from './context.ts'
import { hasSidecar } from './pods.ts'

const owners: readonly KindRef[] = [kinds.deployment, kinds.statefulSet, kinds.daemonSet]
/** Enough to find templates that ask for injection themselves. */
const mostTried = 50

interface Candidate {
  readonly title: string
  readonly template: PodTemplate
}

/** What the webhooks would make of each workload's next pod: created with dryRun, so never stored. */
export const verifyNoInjection: Verifier = async (verification, context) => {
  const namespace = namespaceOf(verification)
  const candidates = await candidatesIn(context, namespace)
  return untilProved(context, async () => {
    const injected: string[] = []
    const untried: string[] = []
    for (const { title, template } of candidates) {
      const pod = await dryPod(context, namespace, template).catch((error: unknown) => {
        // Quotas and policies may refuse a pod that no controller makes.
        if (error instanceof ClusterError && (error.status === 403 || error.status === 422)) {
          untried.push(`${title} (${error.message})`)
          return undefined
        }
        throw error
      })
      if (pod !== undefined && hasSidecar(pod)) injected.push(title)
    }
    if (injected.length > 0) {
      return { missing: `new pods would still get a sidecar: ${some(injected)}` }
    }
    if (untried.length === candidates.length) {
      return { missing: `no pod could be tried: ${some(untried, 1)}` }
    }
    const tried = candidates.length - untried.length
    return {
      evidence: [
        `${countOf(tried, 'new pod', 'new pods')} would start without a sidecar (dry run)`,
        ...(untried.length > 0 ? [`not tried: ${some(untried, 2)}`] : []),
      ],
    }
  })
}

async function candidatesIn(
  { client }: VerifyContext,
  namespace: string,
): Promise<readonly Candidate[]> {
  const lists = await Promise.all(
    owners.map((kind) => client.list<Deployment>(kind, { namespace })),
  )
  const workloads = lists.flatMap((objects) =>
    objects.map(({ kind, metadata, spec }) => ({
      title: `${kind} ${metadata.name}`,
      template: spec.template,
    })),
  )
  if (workloads.length > 0) return workloads.slice(0, mostTried)
  const spec = { containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10' }] }
  return [{ title: 'a pod', template: { spec } }]
}

async function dryPod(
  { client, step }: VerifyContext,
  namespace: string,
  { metadata, spec }: PodTemplate,
): Promise<Pod> {
  const pod: Pod = {
    ...kinds.pod,
    metadata: {
      name: `meshbench-dry-run-${step.id.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`.slice(0, 63),
      namespace,
      ...(metadata?.labels && { labels: metadata.labels }),
      ...(metadata?.annotations && { annotations: metadata.annotations }),
    },
    spec,
  }
  try {
    return await client.create(pod, { dryRun: true })
  } catch (error) {
    // A service account named by the template may be gone; its own pods would fail just so.
    if (isNotFound(error))
      throw new ClusterError((error as Error).message, { status: 422, cause: error })
    throw error
  }
}
