import type { CheckResult, Finding } from '../result/findings.ts'
import type { Plan } from '../result/plan.ts'

const title = 'No step leaves a workload less protected unnoticed'
const link = 'https://istio.io/latest/docs/ambient/usage/networkpolicy/'

/**
 * The last line: whatever the steps open must stand in a finding that blocks until it is accepted. What no
 * check has told is told here, under the code of network policies or that of changed rules.
 */
export function withProtectionGate(
  checks: readonly CheckResult[],
  policies: Plan['policies'],
  accept: readonly string[],
): readonly CheckResult[] {
  const told = new Set(
    checks.flatMap(({ findings }) =>
      findings.filter(({ severity }) => severity === 'blocker').map(({ resource }) => resource),
    ),
  )
  const added = policies.flatMap(({ policy, afterSteps }): Finding[] => {
    const worst = afterSteps.find(({ effect }) => effect === 'open' || effect === 'altered')
    if (worst === undefined || told.has(policy)) return []
    const id = policy.startsWith('NetworkPolicy ') ? 'MB070' : 'MB052'
    const accepted = accept.includes(id) || accept.includes(`${id}=${policy}`)
    return [
      {
        id,
        severity: 'blocker',
        resource: policy,
        reason: `After ${worst.step} it protects less: ${worst.because}`,
        remedy: `Put an equal policy in its place, or take the risk with --accept "${id}=${policy}"`,
        link,
        acceptable: true,
        ...(accepted ? { accepted } : {}),
      },
    ]
  })
  const ids = [...new Set(added.map(({ id }) => id))]
  const extended = checks.map((check) => {
    const own = added.filter(({ id }) => id === check.id)
    return own.length === 0
      ? check
      : { ...check, outcome: 'found' as const, findings: [...check.findings, ...own] }
  })
  const missing = ids.filter((id) => !checks.some((check) => check.id === id))
  return [
    ...extended,
    ...missing.map((id) => ({
      id,
      title,
      link,
      outcome: 'found' as const,
      findings: added.filter((one) => one.id === id),
    })),
  ]
}
