import { type Job, kinds, type Pod } from '../kinds.ts'
import { isPodReady, isTrue, sameJson, timestamp, withCondition } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { createEventRecorder } from './events.ts'
import { createLoop, triggerOn } from './loop.ts'
import { refOf } from './ownership.ts'
import { createPod, isActive, podsOwnedBy } from './pods.ts'

const firstRetryMs = 10_000
const lastRetryMs = 6 * 60_000
/** Timers of more than 24 days fire at once; and after a while the clock may be another. */
const longestWaitMs = 60_000

/** Runs pods until enough of them have ended well, or too many have not. */
export function startJobController({ store, view, onError }: ControllerContext): Controller {
  const record = createEventRecorder(store, 'job-controller')
  const timers = new Map<string, NodeJS.Timeout>()

  const reconcile = (job: Job): void => {
    if (job.metadata.deletionTimestamp) return
    if (isFinished(job)) {
      collect(job)
      return
    }
    const pods = podsOwnedBy(store, job)
    const active = pods.filter(isActive)
    const succeeded = pods.filter(({ status }) => status?.phase === 'Succeeded').length
    const failed = pods.filter(({ status }) => status?.phase === 'Failed')
    const { completions, parallelism = 1, backoffLimit = 6, suspend } = job.spec
    const failure = failureOf(job, active, failed.length, backoffLimit)
    // Without a number of completions the pods share a queue: the first success says that it is empty.
    const complete =
      completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions
    const missing =
      completions === undefined ? (succeeded > 0 ? 0 : parallelism) : completions - succeeded

    const deadlineMs = leftOf(job.status?.startTime ?? timestamp(), job.spec.activeDeadlineSeconds)
    if (!complete && failure === undefined && Number.isFinite(deadlineMs))
      later(job, 'deadline', deadlineMs)

    if (complete || failure !== undefined || suspend) {
      for (const pod of active) store.delete(refOf(pod))
    } else {
      const wanted = Math.min(parallelism, missing)
      const waitMs = retryInMs(failed)
      if (waitMs > 0 && active.length < wanted) later(job, 'retry', waitMs)
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

  /** Finished jobs that said so go by themselves, and their pods with them. */
  const collect = (job: Job): void => {
    const { ttlSecondsAfterFinished } = job.spec
    const ended = job.status?.conditions?.find(
      ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
    )
    if (ttlSecondsAfterFinished === undefined || ended === undefined) return
    const leftMs = leftOf(ended.lastTransitionTime, ttlSecondsAfterFinished)
    if (leftMs > 0) later(job, 'collect', leftMs)
    else store.delete(refOf(job))
  }

  const run = (job: Job): void => {
    const pod = createPod(store, job, job.spec.template)
    record(job, { reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}` })
  }

  /** Looks at the job again then; once for each reason to. */
  const later = (job: Job, why: 'retry' | 'deadline' | 'collect', waitMs: number): void => {
    const key = `${job.metadata.uid} ${why}`
    clearTimeout(timers.get(key))
    const timer = setTimeout(
      () => {
        timers.delete(key)
        loop.trigger()
      },
      Math.min(waitMs, longestWaitMs),
    )
    timers.set(key, timer.unref())
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
      for (const timer of timers.values()) clearTimeout(timer)
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
  const { startTime } = job.status ?? {}
  if (startTime !== undefined && leftOf(startTime, activeDeadlineSeconds) <= 0) {
    const message = 'Job was active longer than specified deadline'
    return { reason: 'DeadlineExceeded', message }
  }
  return undefined
}

/** Until so many seconds after a moment; for ever when there is no limit. */
function leftOf(since: string | undefined, seconds: number | undefined): number {
  if (seconds === undefined || since === undefined) return Number.POSITIVE_INFINITY
  return Date.parse(since) + seconds * 1000 - Date.now()
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
