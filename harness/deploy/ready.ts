import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { HarnessError } from '../errors.ts'
import { containerStatuses, describePod, isReady, type Pod, podKind } from './pods.ts'

/** Pods somebody waits for: at least `count` ready ones. */
export interface Expectation {
  /** For people: `deployment echo`, `waypoint`. */
  readonly title: string
  readonly namespace: string
  readonly labelSelector: string
  readonly nodeName?: string
  readonly count: number
}

export interface WaitOptions {
  readonly deadlineMs: number
  readonly pollMs: number
  readonly onWaiting?: (sentence: string) => void
  readonly signal?: AbortSignal
}

/** A container that came back this often is not going to settle while we wait. */
const hopelessRestarts = 3
const logTailLines = 15

/** Resolves to the ready pods of all expectations, or throws naming the pod that holds it up. */
export async function waitUntilReady(
  client: ClusterClient,
  expectations: readonly Expectation[],
  options: WaitOptions,
): Promise<Pod[]> {
  const deadline = performance.now() + options.deadlineMs
  for (;;) {
    const states = await Promise.all(expectations.map((each) => look(client, each)))
    const missing = states.filter(({ ready, expectation }) => ready.length < expectation.count)
    if (missing.length === 0) return unique(states.flatMap(({ ready }) => ready))
    const stuck = missing.find(({ pods }) => pods.some(isHopeless))
    if (stuck !== undefined || performance.now() > deadline) {
      throw await notReady(client, stuck ?? (missing[0] as State), options.deadlineMs)
    }
    options.onWaiting?.(`waiting for ${missing.map(progress).join(', ')}`)
    await sleep(options.pollMs, undefined, { signal: options.signal })
  }
}

interface State {
  readonly expectation: Expectation
  readonly pods: readonly Pod[]
  readonly ready: readonly Pod[]
}

async function look(client: ClusterClient, expectation: Expectation): Promise<State> {
  const { namespace, labelSelector, nodeName } = expectation
  const pods = (await client.list<Pod>(podKind, { namespace, labelSelector })).filter(
    (pod) => nodeName === undefined || pod.spec.nodeName === nodeName,
  )
  return { expectation, pods, ready: pods.filter(isReady) }
}

function isHopeless(pod: Pod): boolean {
  return (
    !isReady(pod) &&
    containerStatuses(pod).some(({ restartCount }) => restartCount >= hopelessRestarts)
  )
}

function progress({ expectation, ready }: State): string {
  const short = `${expectation.namespace}/${expectation.title}`
  return expectation.count === 1 ? short : `${short} (${ready.length} of ${expectation.count})`
}

async function notReady(
  client: ClusterClient,
  state: State,
  deadlineMs: number,
): Promise<HarnessError> {
  const { namespace, title } = state.expectation
  const pod = state.pods.find((each) => isHopeless(each)) ?? state.pods.find((p) => !isReady(p))
  const waited = `within ${Math.round(deadlineMs / 1000)} s`
  if (pod === undefined) {
    return new HarnessError('pod-not-ready', `${namespace}/${title} got no pod ${waited}`, {
      hint: 'run again with --verbose; the logs/ folder of the run holds what each process said',
      exitCode: 5,
    })
  }
  const failing = containerStatuses(pod).find(({ ready }) => !ready)?.name
  const log = await client
    .podLog({ namespace, name: pod.metadata.name, container: failing, tailLines: logTailLines })
    .catch(() => '')
  const tail = log.trim()
  return new HarnessError(
    'pod-not-ready',
    `${namespace}/${describePod(pod)}${tail === '' ? '' : `\nlast lines of its log:\n${tail.replaceAll(/^/gm, '    ')}`}`,
    {
      hint: isHopeless(pod)
        ? 'its whole log is in the logs/ folder of the run'
        : `it was not ready ${waited}; its whole log is in the logs/ folder of the run`,
      exitCode: 5,
    },
  )
}

function unique(pods: readonly Pod[]): Pod[] {
  return [
    ...new Map(
      pods.map((p) => [`${p.metadata.namespace}/${p.metadata.name}`, p] as const),
    ).values(),
  ]
}
