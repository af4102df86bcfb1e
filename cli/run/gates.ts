import type { GateReport } from '../../harness/result/gates.ts'
import type { Result } from '../../harness/result/schema.ts'
import { gateExitCode } from '../gate/exit-code.ts'

/** The rules of `run --gates`, read before anything is measured. */
export interface RunGates {
  /** How often to measure again before a rule may fail. */
  readonly confirm: number
  check(result: Result): GateReport
}

export async function loadRunGates(file: string, baseline?: string): Promise<RunGates> {
  const [{ readBaseline, readGates }, { checkGates }, { confirmed }] = await Promise.all([
    import('../gate/files.ts'),
    import('../../reports/gates/check.ts'),
    import('../../reports/gates/confirm.ts'),
  ])
  const { gates, lines } = readGates(file)
  const saved =
    baseline === undefined ? undefined : { path: baseline, saved: readBaseline(baseline) }
  let before: GateReport | undefined
  return {
    confirm: gates.confirm,
    check: (result) => {
      const report = checkGates(result, gates, { file, lines, ...(saved && { baseline: saved }) })
      before = before === undefined ? report : confirmed(before, report, result)
      return before
    },
  }
}

export interface Attempt {
  readonly exitCode: number
  readonly record: Result
  /** For stdout; only the last attempt's is printed. */
  readonly output: string | null
}

/**
 * Measures, and while a rule fails measures again, as often as the gates file's `confirm` says. Every
 * attempt is a run with a folder of its own.
 */
export async function untilConfirmed(
  gates: RunGates | null,
  measure: (attempt: number) => Promise<Attempt>,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<Attempt> {
  let attempt = await measure(0)
  const times = gates?.confirm ?? 0
  for (let again = 1; again <= times; again++) {
    const { gates: report, runId } = attempt.record
    if (report?.verdict !== 'fail' || signal.aborted) break
    const failed = report.outcomes.filter(({ verdict }) => verdict === 'fail')
    const names = failed.map(({ name }) => name).join('; ')
    note(`run ${runId} fails ${names}: measuring again to confirm (${again} of ${times})`)
    attempt = await measure(again)
  }
  return attempt
}

/** Gates speak where the measurement itself may be believed. */
export function gatedExitCode(validity: number, { gates }: Result): number {
  return validity !== 0 || gates === undefined ? validity : gateExitCode(gates)
}
