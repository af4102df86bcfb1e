import { randomUUID } from 'node:crypto'
import { matchesMap } from '../../cluster/controllers/labels.ts'
import { canaryImage } from '../../cluster/images.ts'
import { kinds, type Pod, type Service } from '../../cluster/kinds.ts'
import { workloadOf } from '../execute/pods.ts'
import { StepFailure } from '../execute/refusal.ts'
import type { Verification } from '../result/plan.ts'
import { accessLogs, loggedConnections, withAccessLogs } from './access-log.ts'
import { type CanaryTarget, canaryPod, canaryResults, targetOf } from './canary-pod.ts'
import { judgeCall, type Seen } from './canary-proof.ts'
import {
  type Look,
  namespaceOf,
  some,
  untilProved,
  type Verifier,
  type VerifyContext,
} from './context.ts'
import { isPlaced, isReady, membershipOf, podsIn } from './pods.ts'

interface Called {
  readonly target: CanaryTarget
  /** Who answers for it. */
  readonly pods: readonly Pod[]
}

/**
 * A pod of ours calls every captured service, and the access log of a ztunnel has that very connection;
 * the pod goes when all is seen, or not in time.
 */
export const verifyByCanary: Verifier = async (verification, context) => {
  const namespace = namespaceOf(verification)
  const { called, left } = await servicesToCall(verification, context)
  if (called.length === 0) {
    return [...left, `no service of ${namespace} leads to captured pods only, so none was called`]
  }
  const { canaries, plan } = context
  if (canaries === undefined) throw new StepFailure('unproved', 'nobody can start a canary here')
  const pod = canaryPod({
    name: `meshbench-canary-${randomUUID().slice(0, 8)}`,
    namespace,
    planId: plan.id,
    image: verification.image ?? '',
    targets: called.map(({ target }) => target),
  })
  const look = () => untilProved(context, () => lookAt(pod, called, context))
  const proved = await canaries.during(pod, () =>
    verification.image === canaryImage ? withAccessLogs(context.client, look) : look(),
  )
  return [...proved, ...left]
}

/** Those that can only be answered by captured pods, and sentences on the others. */
async function servicesToCall(
  verification: Verification,
  context: VerifyContext,
): Promise<{ readonly called: readonly Called[]; readonly left: readonly string[] }> {
  const { client, liveTakeover } = context
  const namespace = namespaceOf(verification)
  const { labels, pods } = await podsIn(client, namespace)
  const services = await client.list<Service>(kinds.service, { namespace })
  const { ref } = verification
  const workload = ref && `${ref.kind} ${ref.name}`
  const called: Called[] = []
  const left: string[] = []
  for (const service of services) {
    const own = pods.filter(({ metadata }) => matchesMap(service.spec.selector, metadata.labels))
    const concerned = own.some(
      ({ metadata }) => workload === undefined || workloadOf(metadata) === workload,
    )
    const captured = own.filter(
      (pod) => isPlaced(pod) && membershipOf(pod, labels, liveTakeover) === 'ambient',
    )
    const target = targetOf(service)
    if (!concerned || captured.length === 0 || target === undefined) continue
    const { name } = service.metadata
    if (captured.length < own.length) {
      left.push(
        `${name} was not called: ${own.length - captured.length} of ${own.length} pods are not captured`,
      )
    } else if (!captured.some(isReady)) left.push(`${name} was not called: it has no ready pod`)
    else called.push({ target, pods: captured })
  }
  return { called, left }
}

async function lookAt(
  { metadata: { name, namespace = '' } }: Pod,
  called: readonly Called[],
  { client, liveTakeover }: VerifyContext,
): Promise<Look> {
  const { labels, pods } = await podsIn(client, namespace)
  const pod =
    pods.find(({ metadata }) => metadata.name === name) ??
    (await client.get<Pod>({ ...kinds.pod, name, namespace }))
  const title = `canary ${namespace}/${name}`
  if (pod === undefined) throw new StepFailure('unproved', `${title} was deleted by somebody else`)
  const { phase = 'Pending' } = pod.status ?? {}
  if (phase === 'Failed' || phase === 'Succeeded') {
    const log = await client.podLog({ namespace, name, tailLines: 1 }).catch(() => '')
    const why = [pod.status?.reason, pod.status?.message, log.trim()].filter(Boolean).join(': ')
    throw new StepFailure('unproved', `${title} has ended${why === '' ? '' : `: ${why}`}`)
  }
  const isRunning = pod.status?.containerStatuses?.some(({ state }) => state.running) ?? false
  if (!isRunning) return { missing: `${title} is not running yet${waitingFor(pod)}` }
  if (membershipOf(pod, labels, liveTakeover) !== 'ambient') {
    return { missing: `${title} is not captured yet` }
  }
  const answering = called.flatMap((one) => one.pods)
  const [log, logs] = await Promise.all([
    client.podLog({ namespace, name, tailLines: called.length * 5 }),
    accessLogs(client, [pod, ...answering]),
  ])
  const results = canaryResults(log)
  const seen: Seen = {
    canary: { name, namespace, ip: pod.status?.podIP ?? '' },
    connections: logs.flatMap(({ ztunnel, text }) =>
      loggedConnections(text).map((connection) => ({ ztunnel, ...connection })),
    ),
  }
  const verdicts = called.map(({ target, pods: own }) =>
    judgeCall(
      {
        service: target.service,
        namespace,
        pods: own.map(({ metadata }) => metadata.name),
        result: results.get(target.url),
      },
      seen,
    ),
  )
  const missing = verdicts.flatMap((verdict) => ('missing' in verdict ? [verdict.missing] : []))
  if (missing.length > 0) return { missing: some(missing, 3) }
  return { evidence: verdicts.flatMap((one) => ('evidence' in one ? one.evidence : [])) }
}

/** In the words of the kubelet or the scheduler. */
function waitingFor({ status }: Pod): string {
  const waiting = status?.containerStatuses?.find(({ state }) => state.waiting)?.state.waiting
  if (waiting) return `: ${waiting.reason}${waiting.message ? `, ${waiting.message}` : ''}`
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  return scheduled?.status === 'False' ? `: ${scheduled.message}` : ''
}
