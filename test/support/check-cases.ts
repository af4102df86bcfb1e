import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../cluster/objects.ts'
import { decideIntent } from '../../migration/plan/decide-intent.ts'
import type { NamespaceIntent, PlanOptions } from '../../migration/plan/intent.ts'
import type { Check, CheckContext } from '../../migration/preflight/check.ts'
import { runChecks } from '../../migration/preflight/run-checks.ts'
import type { Finding, Severity } from '../../migration/result/findings.ts'
import { checkSeverities } from './check-severities.ts'
import { healthyMesh } from './healthy-mesh.ts'
import { readSnapshot, type SnapshotFacts } from './migration-snapshot.ts'
import { planOptions } from './snapshots.ts'

/** One situation that a check has to judge, as what differs from a healthy mesh. */
export interface CheckCase {
  readonly check: string
  readonly when: string
  readonly add?: readonly KubeObject[]
  /** `DaemonSet istio-system/ztunnel` */
  readonly drop?: readonly string[]
  readonly change?: Readonly<Record<string, (object: KubeObject) => KubeObject>>
  readonly facts?: Omit<SnapshotFacts, 'objects'>
  readonly options?: Partial<PlanOptions>
  readonly intent?: Partial<NamespaceIntent>
  readonly liveTakeover?: boolean
  readonly context?: Pick<CheckContext, 'purpose' | 'dryRuns' | 'drift'>
  /** What it finds, in order; nothing for clear. */
  readonly finds?: readonly Expected[]
  /** Why it cannot be evaluated. */
  readonly unread?: RegExp
}

export interface Expected {
  readonly severity: Severity
  readonly resource: string
  readonly reason: RegExp
  readonly remedy?: RegExp
  /** @default true */
  readonly acceptable?: boolean
}

/** Each case is a test of its own; every check must be seen clear, and be seen to find something. */
export function testChecks(checks: readonly Check[], cases: readonly CheckCase[]): void {
  for (const one of cases) {
    test(`${one.check}: ${one.when}`, () => judge(checks, one))
  }
  for (const check of checks) {
    test(`${check.id} finds nothing wrong with a healthy mesh, and has a case where it does`, () => {
      const own = cases.filter((one) => one.check === check.id)
      assert.ok(own.some(({ finds = [] }) => finds.length > 0))
      if (own.some(({ when }) => when === 'the mesh is healthy')) return
      judge([check], { check: check.id, when: 'the mesh is healthy' })
    })
  }
}

export function contextOf(one: Omit<CheckCase, 'check' | 'when'>): CheckContext {
  const { add = [], drop = [], change = {}, facts = {} } = one
  const kept = healthyMesh().filter((object) => !drop.includes(titleOf(object)))
  const known = new Set(kept.map(titleOf))
  for (const title of Object.keys(change)) assert.ok(known.has(title), `${title} is not there`)
  const objects = [
    ...kept.map((object) => change[titleOf(object)]?.(structuredClone(object)) ?? object),
    ...add,
  ]
  const snapshot = readSnapshot({ ...facts, objects })
  const options = { ...planOptions, namespaces: snapshot.namespaces, ...one.options }
  const decided = decideIntent(snapshot, options)
  const intent = {
    ...decided,
    ...(one.liveTakeover !== undefined && { liveTakeover: one.liveTakeover }),
    namespaces: decided.namespaces.map((namespace) => ({ ...namespace, ...one.intent })),
  }
  return { snapshot, intent, ...one.context }
}

function judge(checks: readonly Check[], one: CheckCase): void {
  const check = checks.find(({ id }) => id === one.check)
  assert.ok(check, `${one.check} is not among the checks under test`)
  const [result] = runChecks(contextOf(one), [check])
  assert.ok(result)
  const said = JSON.stringify(result.findings, undefined, 1)
  if (one.unread !== undefined) {
    assert.equal(result.outcome, 'not-evaluated', said)
    assert.match(result.why ?? '', one.unread)
    return
  }
  const { finds = [] } = one
  assert.equal(result.outcome, finds.length === 0 ? 'clear' : 'found', result.why ?? said)
  assert.equal(result.findings.length, finds.length, said)
  for (const [index, expected] of finds.entries()) {
    const found: Finding | undefined = result.findings[index]
    assert.equal(found?.severity, expected.severity, said)
    assert.equal(found?.resource, expected.resource)
    assert.match(found?.reason ?? '', expected.reason)
    assert.equal(found?.acceptable, expected.acceptable ?? true, said)
    assert.ok((found?.remedy ?? '').length > 0)
    const letter = expected.severity.charAt(0).toUpperCase()
    assert.ok(
      checkSeverities[one.check]?.includes(letter),
      `${one.check} is said not to find ${letter}`,
    )
    if (expected.remedy) assert.match(found?.remedy ?? '', expected.remedy)
  }
}

export function titleOf({ kind, metadata }: KubeObject): string {
  const { name, namespace } = metadata
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`
}
