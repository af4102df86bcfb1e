import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { showPlan } from '../../../cli/migrate/show-plan.ts'
import type { KubeObject } from '../../../cluster/objects.ts'
import type { PlanOptions } from '../../../migration/plan/intent.ts'
import { severities } from '../../../migration/result/findings.ts'
import type { Call, Plan } from '../../../migration/result/plan.ts'
import { deployment, namespace, planOf, pod, policy, service } from '../../support/snapshots.ts'

const shop: readonly KubeObject[] = [
  namespace('shop', { 'istio-injection': 'enabled' }),
  ...['cart', 'web'].flatMap((app) => [deployment(app), pod(app), service(app)]),
  policy('l7', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }] }),
]

const shopPlan = (options: Partial<PlanOptions> = {}): Plan =>
  planOf(shop, { ...options, checked: true })
const textOf = (plan: Plan): string => showPlan(plan, (_, text) => text, 'plan.json')

test('findings stand by severity, each with its resource, reason, remedy and link', () => {
  const plan = shopPlan()
  const text = textOf(plan)
  const found = plan.checks.flatMap(({ findings }) => findings)
  const groups = severities.map((severity) => {
    const own = found.filter((one) => one.severity === severity)
    assert.ok(own.length > 0, `the namespace has a ${severity}`)
    const at = text.indexOf(`\n${severity} (${own.length})\n`)
    assert.ok(at > 0, severity)
    for (const { id, resource, reason, remedy, link } of own) {
      const shown = new RegExp(
        `^ {2}${id} ${escaped(resource)}.*\n {4}${escaped(reason)}\n {4}remedy: ${escaped(remedy)}\n {4}${escaped(link)}$`,
        'm',
      )
      assert.match(text.slice(at), shown)
    }
    return at
  })
  assert.deepEqual(
    [...groups].sort((a, b) => a - b),
    groups,
    'the gravest first',
  )
  assert.match(text, /Blocked by \d+ findings\. Saved for review: plan\.json$/)
})

test('a step says its calls as they go over the wire, what proves it and what takes it back', () => {
  const plan = shopPlan({ restartWorkloads: true })
  const text = textOf(plan)
  assert.ok(text.includes(`\nsteps (${plan.steps.length})\n`))
  const parts = text.split(/^ {2}\d+\. /m).slice(1)
  assert.equal(parts.length, plan.steps.length)
  plan.steps.forEach((step, index) => {
    const part = parts[index] ?? ''
    assert.ok(part.startsWith(`${step.id}  ${step.title}\n     ${step.why}\n`), step.id)
    assert.ok(part.includes(`\n     taken back: ${step.takenBack}\n`), step.id)
    const proofs = part.match(/^ {5}proof: .*$/gm) ?? []
    assert.equal(proofs.length, step.verify.length, step.id)
    for (const proof of proofs) assert.match(proof, / \w+ .*, within [\d.]+ s$/)
    for (const { check } of step.verify) {
      // Names of ours say nothing to who reviews a plan.
      if (check.includes('-')) assert.ok(!part.includes(`proof: ${check}`), check)
    }
    for (const { policy: name, effect, because } of step.effects) {
      assert.ok(part.includes(`     ${effect} ${name}: ${because}`), step.id)
    }
    assert.deepEqual(requestsIn(part), step.calls.map(requestOf), step.id)
  })
})

test('what is generated is shown as YAML that is labelled as ours', () => {
  const plan = shopPlan()
  const made = plan.steps
    .flatMap(({ calls }) => calls)
    .filter(({ verb }) => /create|apply/.test(verb))
  assert.deepEqual(
    made.map(({ verb, ref }) => `${verb} ${ref.kind} ${ref.name}`),
    ['apply Gateway waypoint', 'apply AuthorizationPolicy l7-waypoint'],
  )
  const bodies = requestsIn(textOf(plan)).map(({ body }) => body as Partial<KubeObject>)
  const labels = bodies.flatMap(({ metadata }) => (metadata?.labels ? [metadata.labels] : []))
  assert.equal(labels.length, made.length)
  for (const own of labels) assert.equal(own['meshbench.io/migration'], plan.id)
})

test('who restarts and who stays is said last', () => {
  assert.match(
    textOf(shopPlan()),
    /\nrestarts\n {2}nobody\n\nstay on sidecars until their next rollout\n {2}Deployment\/cart in shop: 1 pod\n {2}Deployment\/web in shop: 1 pod\n\n/,
  )
  assert.match(
    textOf(shopPlan({ restartWorkloads: true })),
    /\nrestarts\n {2}shop\/cart\S*\n {2}shop\/web/,
  )
})

test('what becomes of each policy after each step stands in a table of its own', () => {
  const plan = shopPlan()
  const [l7] = plan.policies
  assert.equal(l7?.policy, 'AuthorizationPolicy shop/l7')
  assert.match(
    textOf(plan),
    /\npolicies \(1\)\n {2}AuthorizationPolicy shop\/l7: today .+; at ztunnels deny-inert\n {4}after S/,
  )
})

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** Each line that begins with a verb, with the YAML that follows it. */
function requestsIn(part: string): readonly { readonly line: string; readonly body: unknown }[] {
  const lines = part.split('\n')
  return lines.flatMap((line, at) => {
    if (!/^ {5}(POST|PATCH|DELETE) /.test(line)) return []
    const rest = lines.slice(at + 1)
    const end = rest.findIndex((one) => !one.startsWith('       '))
    return [{ line: line.trim(), body: parse(rest.slice(0, end).join('\n')) }]
  })
}

const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  Service: 'services',
  Gateway: 'gateways',
  Deployment: 'deployments',
  AuthorizationPolicy: 'authorizationpolicies',
}

function requestOf(call: Call): { readonly line: string; readonly body: unknown } {
  const { apiVersion, kind, name, namespace: home } = call.ref
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
  const folder = `${root}${home === undefined ? '' : `/namespaces/${home}`}/${plurals[kind]}`
  switch (call.verb) {
    case 'create':
      return { line: `POST ${folder}?fieldManager=meshbench`, body: call.body }
    case 'apply':
      return {
        line: `PATCH ${folder}/${name}?fieldManager=meshbench (server-side apply)`,
        body: call.body,
      }
    case 'patch':
      return {
        line: `PATCH ${folder}/${name}?fieldManager=meshbench (JSON patch)`,
        body: call.patch,
      }
    case 'delete':
      return { line: `DELETE ${folder}/${name}`, body: { preconditions: { uid: call.uid } } }
  }
}
