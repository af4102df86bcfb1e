import type { Mode } from '../modes.ts'
import type { Finding, Result, Window } from '../result/schema.ts'

type Judged = Pick<Result, 'status' | 'options' | 'modes'>

/** An invalid window stays in the file, and out of every median. */
export function isValid(window: Pick<Window, 'findings'>): boolean {
  return window.findings.every(({ severity }) => severity !== 'error')
}

/** The verdict over a whole run: findings of its windows, grouped, and those only a run can have. */
export function judgeRun(run: Judged): Result['validity'] {
  const findings = [...grouped(run), ...missing(run)]
  if (findings.some(({ severity }) => severity === 'error')) return { verdict: 'invalid', findings }
  return { verdict: run.status === 'complete' ? 'valid' : 'inconclusive', findings }
}

/** The same finding in six rounds of a mode is said once, with the worst of its values. */
function grouped(run: Judged): Finding[] {
  const groups = new Map<string, Finding[]>()
  for (const [mode, { windows }] of Object.entries(run.modes)) {
    for (const finding of windows.flatMap((window) => window.findings)) {
      const key = `${mode} ${finding.code} ${finding.severity}`
      groups.set(key, [...(groups.get(key) ?? []), { ...finding, mode: mode as Mode }])
    }
  }
  return [...groups.values()].map((group) => {
    const worst = group.reduce((a, b) => (Math.abs(b.value ?? 0) > Math.abs(a.value ?? 0) ? b : a))
    if (group.length === 1) return worst
    return { ...worst, message: `${worst.message} (worst of ${group.length} windows)` }
  })
}

function missing(run: Judged): Finding[] {
  if (run.status !== 'complete') return []
  return run.options.modes.flatMap((mode): Finding[] =>
    (run.modes[mode]?.windows ?? []).some(isValid)
      ? []
      : [
          {
            code: 'mode-without-window',
            severity: 'error',
            message: `${mode} has no valid window, so nothing can be said about it`,
            mode,
          },
        ],
  )
}
