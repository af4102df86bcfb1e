import type { ClusterClient } from '../../cluster/client/types.ts'
import type { Deployment } from '../deploy/deploy.ts'
import { generatorPort } from '../deploy/names.ts'
import type { Pod } from '../deploy/pods.ts'
import { firstSignal } from '../first-signal.ts'
import type { LoadEvent, LoadPlan, LoadPoint } from '../load/protocol.ts'
import type { RunOptions, Window } from '../result/schema.ts'
import { type TrackedProcess, takeCensus } from '../sample/census.ts'
import {
  accountCpu,
  type CounterReading,
  type LostProcess,
  readCounters,
  readMemory,
  residentBytes,
} from '../sample/counters.ts'
import { hostChange } from '../sample/host-state.ts'
import { watchWarmUp } from '../steady/watch.ts'
import { judgeWindow } from '../validity/window.ts'
import { provePath, readProxyCounters } from '../verify/path.ts'
import { loadPart } from './load-part.ts'
import { runLoad } from './load-stream.ts'
import type { Quiet } from './quiet.ts'

export interface WindowOptions {
  readonly client: ClusterClient
  readonly deployment: Deployment
  readonly plan: LoadPlan
  readonly options: RunOptions
  readonly round: number
  readonly position: number
  /** Pods of the mode as they are now. */
  listPods(): Promise<Pod[]>
  /** Processes of the modes that wait their turn. */
  readonly bystanders: readonly TrackedProcess[]
  readonly quiet?: Quiet
  readonly onPoint?: (point: LoadPoint) => void
  readonly signal?: AbortSignal
}

const ownProcess: TrackedProcess = { pid: process.pid, role: 'controlPlane', owner: 'meshbench' }

/** Time for the last answers and the generator's summary after a window, before we call it hung. */
const afterWindowMs = 15_000

/** One mode under load once: counters at the edges, everything else outside. */
export async function measureWindow(options: WindowOptions): Promise<Window> {
  const { client, deployment, plan, signal } = options
  const podsBefore = await options.listPods()
  const tracked = [...takeCensus(podsBefore), ownProcess]
  const proxiesBefore = await readProxyCounters(client, podsBefore, signal)

  let before: CounterReading | undefined
  let after: CounterReading | undefined
  const read = (): CounterReading => readCounters(tracked, options.bystanders)
  const warmUp = watchWarmUp({ leastMs: options.options.warmupMs })
  let slice: CounterReading | undefined
  const onEvent = (event: LoadEvent): void => {
    if (event.event === 'warmup') slice = readCounters(tracked)
    if (event.event === 'warmup-point') {
      const now = readCounters(tracked)
      const spentUs = slice === undefined ? null : totalCpuUs(slice, now, tracked)
      slice = now
      const rssBytes = residentBytes(tracked.filter(({ role }) => role !== 'controlPlane'))
      if (warmUp.slice(event.point, spentUs, rssBytes)) startWindow(options)
    }
    if (event.event === 'window-start') before = read()
    if (event.event === 'window-end') after = read()
    if (event.event === 'progress') options.onPoint?.(event.point)
  }
  const limitMs = plan.warmupMs + plan.windowMs + plan.timeoutMs + afterWindowMs
  const ended = firstSignal([signal], limitMs)
  const target = { namespace: deployment.namespace, pod: deployment.generatorPod }
  const load = await runLoad(client, target, plan, onEvent, ended.signal).finally(ended.release)
  if (before === undefined || after === undefined) {
    throw new Error('the load generator did not say when its window began and ended')
  }

  const memory = readMemory(tracked)
  const podsAfter = await options.listPods()
  const account = accountCpu(before, after, tracked, options.bystanders, load.outcomes.ok)
  const proxiesAfter = await readProxyCounters(client, podsAfter, signal)
  const proof = provePath(deployment.mode, proxiesBefore, proxiesAfter, load.outcomes.ok)
  const samplerUs = before.costUs + after.costUs
  const window: Omit<Window, 'findings'> = {
    ...loadPart(load, plan),
    ...(plan.warmUpPointMs === undefined
      ? {}
      : { steady: warmUp.record(load.warmupMs ?? plan.warmupMs) }),
    ...(options.quiet === undefined ? {} : { quiet: options.quiet }),
    round: options.round,
    position: options.position,
    cpu: account.cpu,
    nodeCpu: account.nodeCpu,
    host: hostChange(before.host, after.host),
    memory,
    sampler: { cpuUs: samplerUs, cores: samplerUs / 1000 / load.durationMs },
  }
  const lost = mergeLost(account.lost, replaced(tracked, takeCensus(podsAfter)))
  const findings = judgeWindow({
    mode: deployment.mode,
    window,
    options: options.options,
    lost,
    // A restarted proxy counts from zero again: that it restarted says it all.
    unproved: proof.ok || lost.length > 0 ? undefined : `not proved: ${proof.evidence.join('; ')}`,
  })
  return { ...window, proof: { ...proof, evidence: [...proof.evidence] }, findings }
}

/** Asked for, not awaited: should it fail, the warm-up takes as long as it may. */
function startWindow({ client, deployment, signal }: WindowOptions): void {
  client
    .podRequest({
      namespace: deployment.namespace,
      pod: deployment.generatorPod,
      port: generatorPort,
      path: '/window',
      method: 'POST',
      signal,
    })
    .then((answer) => answer.text())
    .catch(() => undefined)
}

function totalCpuUs(
  before: CounterReading,
  after: CounterReading,
  tracked: readonly TrackedProcess[],
): number {
  const { cpu } = accountCpu(before, after, tracked, [], 0)
  return Object.values(cpu).reduce((total, { cpuUs }) => total + cpuUs, 0)
}

/** Containers that run as another process now than before the window. */
function replaced(
  before: readonly TrackedProcess[],
  after: readonly TrackedProcess[],
): LostProcess[] {
  const now = new Map(after.map(({ owner, pid }) => [owner, pid]))
  return before
    .filter(({ role }) => role !== 'controlPlane')
    .filter(({ owner, pid }) => now.get(owner) !== pid)
    .map((process) => ({ process, why: 'replaced' }))
}

function mergeLost(...lists: readonly (readonly LostProcess[])[]): LostProcess[] {
  const byOwner = new Map(lists.flat().map((lost) => [lost.process.owner, lost]))
  return [...byOwner.values()]
}
