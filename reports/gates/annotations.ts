import type { GateReport } from '../../harness/result/gates.ts'

/**
 * Workflow commands of GitHub Actions: a failed rule is shown at its line of the gates file.
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
export function githubAnnotations(report: GateReport): string[] {
  return report.outcomes.flatMap(({ verdict, level, name, expected, found, explanation, line }) => {
    if (verdict === 'pass' || verdict === 'off') return []
    const kind = level === 'error' && verdict !== 'warn' ? 'error' : 'warning'
    const at = `file=${property(report.file)}${line === undefined ? '' : `,line=${line}`}`
    const text = `expected ${expected}; found ${found}; ${explanation}`
    return [`::${kind} ${at},title=${property(`meshbench: ${name}`)}::${data(text)}`]
  })
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
