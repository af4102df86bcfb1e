import type { Rehearsal, RehearsedStep } from '../result/rehearsal.ts'
import { rehearsalSchemaVersion } from '../result/rehearsal.ts'
import type { StepMark } from './marks.ts'
import { restartedBetween } from './pods.ts'
import type { Course } from './rehearse.ts'
import type { RehearsalStage, Span } from './stage.ts'
import { judge } from './verdict.ts'

/** What is known of a rehearsal besides its course. */
export type RehearsalFacts = Pick<
  Rehearsal,
  'tool' | 'id' | 'namespace' | 'source' | 'options' | 'environment'
>

/** Enough answers in each for a p99 that means something at a few hundred requests per second. */
const binMs = 1_000

/**
 * The result. Every request from the first step on belongs to exactly one step: from its start to the
 * start of the next, the last one's to the end of the load.
 */
export function recordRehearsal(
  facts: RehearsalFacts,
  course: Course,
  stage: Pick<
    RehearsalStage,
    | 'startedAtMs'
    | 'expectedGapMs'
    | 'traffic'
    | 'latency'
    | 'timeline'
    | 'callers'
    | 'failed'
    | 'faults'
  >,
): Rehearsal {
  const { baseline, marks, endedAtMs } = course
  const firstMs = marks[0]?.during.fromMs ?? endedAtMs
  const whole = { fromMs: stage.startedAtMs, toMs: endedAtMs }
  const migrating = { fromMs: firstMs, toMs: endedAtMs }
  const { requests, failedRequests, retriedRequests, longestGapMs } = stage.traffic(migrating)
  const steps = marks.map((mark, index) => {
    const toMs = marks[index + 1]?.during.fromMs ?? endedAtMs
    return recordStep(mark, { fromMs: mark.during.fromMs, toMs }, stage)
  })
  const record: Omit<Rehearsal, 'verdict' | 'reasons'> = {
    schemaVersion: rehearsalSchemaVersion,
    kind: 'meshbench-rehearsal',
    ...facts,
    startedAt: new Date(stage.startedAtMs).toISOString(),
    endedAt: new Date(endedAtMs).toISOString(),
    callers: stage.callers(whole),
    failed: failedIn(marks, endedAtMs, stage),
    expectedGapMs: stage.expectedGapMs,
    baseline: {
      ...stage.traffic({ fromMs: baseline.span.fromMs, toMs: firstMs }),
      latencyUs: stage.latency(baseline.span),
      resources: baseline.usage,
    },
    requests,
    failedRequests,
    retriedRequests,
    longestGapMs,
    podsRestarted: restartedBetween(course.podsBefore, course.podsAfter),
    steps,
    carried: [...course.carried],
    execution: course.execution,
    ...(course.rollback === undefined ? {} : { rollback: course.rollback }),
    timeline: { binMs, points: stage.timeline(whole, binMs) },
  }
  return { ...record, ...judge(record, stage.faults(), course.interrupted) }
}

const mostFailed = 100

function failedIn(
  marks: readonly StepMark[],
  endedAtMs: number,
  stage: Pick<RehearsalStage, 'failed' | 'startedAtMs'>,
): Rehearsal['failed'] {
  return marks
    .flatMap(({ id, during }, index) => {
      const toMs = marks[index + 1]?.during.fromMs ?? endedAtMs
      return stage
        .failed({ fromMs: during.fromMs, toMs }, mostFailed)
        .map((one) => ({ ...one, atMs: Math.max(0, one.atMs - stage.startedAtMs), step: id }))
    })
    .slice(0, mostFailed)
}

function recordStep(
  mark: StepMark,
  span: Span,
  stage: Pick<RehearsalStage, 'traffic' | 'latency'>,
): RehearsedStep {
  const { id, title, calls, direction, outcome, reason, during, before, after } = mark
  return {
    ...stage.traffic(span),
    id,
    title,
    calls,
    direction,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    startedAt: new Date(during.fromMs).toISOString(),
    durationMs: during.toMs - during.fromMs,
    latencyUs: {
      before: stage.latency(before),
      during: stage.latency(during),
      after: stage.latency(after),
    },
    resources: { before: mark.usageBefore, after: mark.usageAfter },
    podsRestarted: mark.podsRestarted,
    evidence: [...mark.evidence],
  }
}
