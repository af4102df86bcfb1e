import type { Rehearsal } from '../result/rehearsal.ts'

type Judged = Pick<
  Rehearsal,
  'baseline' | 'failedRequests' | 'execution' | 'rollback' | 'podsRestarted' | 'carried' | 'options'
>

/** What a rehearsal comes to, worst first, with every reason why it is not clean. */
export function judge(
  record: Judged,
  faults: readonly string[],
  interrupted = false,
): Pick<Rehearsal, 'verdict' | 'reasons'> {
  const { baseline, failedRequests, execution, rollback } = record
  if (interrupted) {
    const losses =
      failedRequests > 0 ? [`until then ${plural(failedRequests, 'request')} failed`] : []
    return { verdict: 'interrupted', reasons: ['it was stopped by hand', ...losses] }
  }
  const steps = [...stepReasons(execution, 'finished'), ...stepReasons(rollback, 'rolled-back')]
  const losses = [
    ...(failedRequests > 0 ? [`${plural(failedRequests, 'request')} failed`] : []),
    ...restartReasons(record),
  ]
  const doubts = [
    ...(baseline.failedRequests > 0
      ? [`${plural(baseline.failedRequests, 'request')} failed before the first step`]
      : []),
    ...(baseline.requests === 0 ? ['there was no load before the first step'] : []),
    ...faults,
  ]
  const reasons = [...steps, ...doubts, ...losses]
  if (steps.length > 0) return { verdict: 'failed', reasons }
  if (doubts.length > 0) return { verdict: 'inconclusive', reasons }
  return { verdict: losses.length > 0 ? 'lossy' : 'clean', reasons }
}

function stepReasons(
  execution: Rehearsal['execution'] | undefined,
  wanted: Rehearsal['execution']['outcome'],
): string[] {
  if (execution === undefined || execution.outcome === wanted) return []
  const failed = execution.steps.filter(({ outcome }) => outcome === 'failed')
  if (failed.length === 0) return [`the execution ended as ${execution.outcome}`]
  return failed.map(({ id, reason }) => `${id} failed${reason === undefined ? '' : `: ${reason}`}`)
}

function restartReasons({ execution, podsRestarted, options }: Judged): string[] {
  const others = execution.pods.others.map(({ pod, what }) => `${pod} ${what}`)
  if (others.length > 0) return others
  return podsRestarted > 0 && !options.restartWorkloads
    ? [`${plural(podsRestarted, 'pod')} restarted although nobody asked for it`]
    : []
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
