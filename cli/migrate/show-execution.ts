import type { Execution } from '../../migration/result/execution.ts'
import type { Plan } from '../../migration/result/plan.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'

/** The report at the end, and the exit code that goes with it. */
export function report(
  execution: Execution,
  context: CommandContext,
  command: 'apply' | 'rollback',
  staying: Plan['staying'] = [],
): number {
  if (context.json) context.out(JSON.stringify(execution))
  else for (const line of linesOf(execution, command, staying)) context.out(line)
  return exitCodeOf(execution, context, command)
}

function exitCodeOf(
  { outcome }: Execution,
  context: CommandContext,
  command: 'apply' | 'rollback',
): number {
  switch (outcome) {
    case 'finished':
    case 'paused':
      return exitCodes.ok
    case 'rolled-back':
      return command === 'rollback' ? exitCodes.ok : exitCodes.migrationFailed
    case 'failed':
    case 'rollback-failed':
      return exitCodes.migrationFailed
    case 'interrupted':
      return context.signal.aborted ? exitCodes.interrupted : exitCodes.environment
  }
}

const heads: Readonly<Record<Execution['outcome'], string>> = {
  finished: 'Finished: every step is carried out and proved.',
  paused: 'Paused, as asked for.',
  failed: 'A step failed; nothing after it was done.',
  'rolled-back': 'Taken back.',
  'rollback-failed': 'It could not all be taken back.',
  interrupted: 'Interrupted.',
}

function headOf({ outcome, steps }: Execution): string {
  const waits = steps.some((step) => step.outcome === 'skipped')
  return outcome === 'finished' && waits
    ? 'Finished, but for what waits for its time.'
    : heads[outcome]
}

function linesOf(
  execution: Execution,
  command: 'apply' | 'rollback',
  staying: Plan['staying'],
): readonly string[] {
  const { outcome, reason, steps, journal } = execution
  const asked = command === 'rollback' && outcome === 'rolled-back'
  const told = steps.filter((step) => step.outcome !== 'verified' && step.outcome !== 'not-reached')
  const count = (wanted: string) => steps.filter((step) => step.outcome === wanted).length
  const back = outcome === 'rolled-back' || outcome === 'rollback-failed'
  const figures = back
    ? `${count('undone')} taken back`
    : `${count('verified')} of ${steps.length} stand proved`
  return [
    `${headOf(execution)}${reason === undefined || asked ? '' : ` ${reason}`}`,
    `Steps: ${figures}`,
    ...told.map((step) => `  ${step.id} ${step.outcome}${step.reason ? `: ${step.reason}` : ''}`),
    ...podLines(execution.pods),
    ...(outcome === 'finished' ? stayingLines(staying) : []),
    `Journal: ${journal}`,
    ...nextLines(execution),
  ]
}

function podLines({ before, untouched, converted, others }: Execution['pods']): readonly string[] {
  const restarted = converted === 0 ? '' : `, ${converted} restarted as asked for`
  return [
    `Pods: ${untouched} of ${before} untouched (same UID, restart counts and start times)${restarted}`,
    ...others.map(({ pod, what }) => `  not by us: ${pod} ${what}`),
  ]
}

/** What no rollout of ours was to convert, or could: bare pods, running jobs, sets that wait for deletion. */
function stayingLines(staying: Plan['staying']): readonly string[] {
  if (staying.length === 0) return []
  const names = staying.map(({ namespace, workload, pods }) => `${namespace} ${workload} (${pods})`)
  return [`On sidecars until something recreates them: ${names.join(', ')}`]
}

function nextLines({ outcome, journal, steps }: Execution): readonly string[] {
  const back = `meshbench migrate rollback --journal ${journal}`
  const on = `meshbench migrate apply --plan ${journal}/plan.json`
  switch (outcome) {
    case 'finished':
      return [
        ...(steps.some((step) => step.outcome === 'skipped') ? [`To look again: ${on}`] : []),
        `To take it back: ${back}`,
      ]
    case 'paused':
    case 'failed':
    case 'interrupted':
      return [`To go on: ${on}`, `To take it back: ${back}`]
    case 'rollback-failed':
      return [`To go on taking it back: ${back}`]
    case 'rolled-back':
      return []
  }
}
