import { NotReadable } from '../inventory/snapshot.ts'
import type { CheckResult, Finding } from '../result/findings.ts'
import type { Check, CheckContext } from './check.ts'
import { checks } from './registry.ts'

/** Evaluates every check, in the order of the ids. A check that fails spoils no other. */
export function runChecks(
  context: CheckContext,
  only: readonly Check[] = checks,
): readonly CheckResult[] {
  return only.map((check) => evaluate(check, context))
}

function evaluate(check: Check, context: CheckContext): CheckResult {
  const { id, title, link } = check
  try {
    const findings = check
      .evaluate(context)
      .map((finding) => accepted({ ...finding, id, link }, context.intent.options.accept))
    return { id, title, link, outcome: findings.length === 0 ? 'clear' : 'found', findings }
  } catch (error) {
    return { id, title, link, outcome: 'not-evaluated', why: whyNot(error), findings: [] }
  }
}

/** Objects may look like anything where no schema was in force: that is no reason to plan nothing. */
function whyNot(error: unknown): string {
  if (error instanceof NotReadable) return error.message
  const message = error instanceof Error ? error.message : String(error)
  return `an object is not what its kind should look like (${message})`
}

/** `MB053`, or `MB053=AuthorizationPolicy shop/ext-authz` for that one alone. */
function accepted(finding: Finding, accept: readonly string[]): Finding {
  const { id, resource, acceptable } = finding
  const named = accept.includes(id) || accept.includes(`${id}=${resource}`)
  return acceptable && named ? { ...finding, accepted: true } : finding
}

/** What stands in the way of the migration. */
export function blockers(results: readonly CheckResult[]): readonly Finding[] {
  return results.flatMap(({ findings }) =>
    findings.filter(({ severity, accepted }) => severity === 'blocker' && accepted !== true),
  )
}
