import type { GateReport } from '../../harness/result/gates.ts'
import { githubAnnotations } from '../../reports/gates/annotations.ts'

/** On GitHub a rule that fails is shown at its line; on stderr, as stdout may have to be JSON. */
export function announce(
  report: GateReport | undefined,
  env: Readonly<Record<string, string | undefined>>,
  stderr: { write(text: string): unknown },
): void {
  if (report === undefined || env.GITHUB_ACTIONS !== 'true') return
  for (const line of githubAnnotations(report)) stderr.write(`${line}\n`)
}
