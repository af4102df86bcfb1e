import { type Job, kinds, type Pod } from '../kinds.ts'
import { isPodReady, isTrue, sameJson, timestamp, withCondition } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { createEventRecorder } from './events.ts'
import { createLoop, triggerOn } from './loop.ts'
import { refOf } from './ownership.ts'
import { createPod, isActive, podsOwnedBy } from './pods.ts'

const firstRetryMs = 10_000
const lastRetryMs = 6 * 60_000

/** Runs pods until enough of them have ended well, or too many have not. */
export function startJobController({ store, view, onError }: ControllerContext): Controller {
  const record = createEventRecorder(store, 'job-controller')
  const timers = new Set<NodeJS.Timeout>()

  const reconcile = (job: Job): void => {
    if (job.metadata.deletionTimestamp || isFinished(job)) return
    const pods = podsOwnedBy(store, job)
    const active = pods.filter(isActive)
    const succeeded = pods.filter(({ status }) => status?.phase === 'Succeeded').length
    const failed = pods.filter(({ status }) => status?.phase === 'Failed')
    const { completions = 1, parallelism = 1, backoffLimit = 6, suspend } = job.spec
    const failure = failureOf(job, active, failed.length, backoffLimit)
    const complete = succeeded >= completions

    if (complete || failure !== undefined || suspend) {
      for (const pod of active) store.delete(refOf(pod))
    } else {
      const wanted = Math.min(parallelism, completions - succeeded)
      const waitMs = retryInMs(failed)
      if (waitMs > 0 && active.length < wanted) later(waitMs)
      else for (let n = active.length; n < wanted; n += 1) run(job)
    }
    writeStatus(job, {
      startTime: job.status?.startTime ?? timestamp(),
      active: complete || failure !== undefined || suspend ? 0 : active.length,
      ready: active.filter(isPodReady).length,
      succeeded,
      failed: failed.length,
      ...(complete ? { completionTime: timestamp() } : {}),
      conditions: conditionsOf(job, complete, failure),
    })
    if (complete) record(job, { reason: 'Completed', message: 'Job completed' })
    else if (failure) record(job, { type: 'Warning', ...failure })
  }

  const run = (job: Job): void => {
    const pod = createPod(store, job, job.spec.template)
    record(job, { reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}` })
  }

  const later = (waitMs: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      loop.trigger()
    }, waitMs)
    timer.unref()
    timers.add(timer)
  }

  const writeStatus = (job: Job, status: NonNullable<Job['status']>): void => {
    if (sameJson(status, job.status)) return
    store.mutateStatus<Job>(refOf(job), (current) => ({ ...current, status }))
  }

  const loop = createLoop(
    () => {
      for (const job of store.list<Job>(kinds.job)) reconcile(job)
    },
    { onError },
  )
  triggerOn(loop, [view.jobs, view.pods])
  return {
    stop: async () => {
      for (const timer of timers) clearTimeout(timer)
      await loop.stop()
    },
  }
}

interface Failure {
  readonly reason: string
  readonly message: string
}

function isFinished({ status }: Job): boolean {
  return isTrue(status?.conditions, 'Complete') || isTrue(status?.conditions, 'Failed')
}

/** Containers that were restarted within their pods count like pods that failed. */
function failureOf(
  job: Job,
  active: readonly Pod[],
  failedPods: number,
  backoffLimit: number,
): Failure | undefined {
  const restarts = active.flatMap(({ status }) =>
    (status?.containerStatuses ?? []).map(({ restartCount }) => restartCount),
  )
  if (failedPods + restarts.reduce((sum, count) => sum + count, 0) > backoffLimit) {
    const message = 'Job has reached the specified backoff limit'
    return { reason: 'BackoffLimitExceeded', message }
  }
  const { activeDeadlineSeconds } = job.spec
  const startedMs = Date.parse(job.status?.startTime ?? '')
  if (
    activeDeadlineSeconds !== undefined &&
    Date.now() - startedMs > activeDeadlineSeconds * 1000
  ) {
    const message = 'Job was active longer than specified deadline'
    return { reason: 'DeadlineExceeded', message }
  }
  return undefined
}

function conditionsOf(
  { status }: Job,
  complete: boolean,
  failure: Failure | undefined,
): NonNullable<Job['status']>['conditions'] & object {
  if (complete) {
    return withCondition(status?.conditions, { type: 'Complete', status: 'True' })
  }
  if (failure === undefined) return [...(status?.conditions ?? [])]
  return withCondition(status?.conditions, { type: 'Failed', status: 'True', ...failure })
}

/** Twice as long after every pod that failed. */
function retryInMs(failed: readonly Pod[]): number {
  if (failed.length === 0) return 0
  const endedMs = failed.flatMap(({ status }) =>
    (status?.containerStatuses ?? []).map(({ state }) =>
      Date.parse(state.terminated?.finishedAt ?? ''),
    ),
  )
  const lastMs = Math.max(0, ...endedMs.filter((ms) => !Number.isNaN(ms)))
  const pauseMs = Math.min(firstRetryMs * 2 ** (failed.length - 1), lastRetryMs)
  return Math.max(0, lastMs + pauseMs - Date.now())
}
