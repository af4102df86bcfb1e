import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '../../../cluster/objects.ts'
import { planWork } from '../../../migration/plan/build.ts'
import { decideIntent } from '../../../migration/plan/decide-intent.ts'
import {
  namespace,
  planOptions,
  pod,
  policy,
  service,
  snapshotOf,
} from '../../support/snapshots.ts'

/** Written from section 2.3 and 2.4 of Istio's behaviour, sharing no code with what it judges. */
interface Source {
  readonly principals?: readonly string[]
  readonly notPrincipals?: readonly string[]
  readonly namespaces?: readonly string[]
}
interface Rule {
  readonly from?: readonly { readonly source: Source }[]
  readonly to?: readonly {
    readonly operation: { readonly ports?: readonly string[]; readonly methods?: readonly string[] }
  }[]
  readonly when?: readonly { readonly key: string; readonly notValues: readonly string[] }[]
}
interface Spec {
  readonly action: 'ALLOW' | 'DENY'
  readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly targetRefs?: unknown
  readonly rules?: readonly Rule[]
}
interface Request {
  readonly principal: string | undefined
  readonly port: string
  readonly method: string
}

const home = (principal: string | undefined) => principal?.split('/')[2]
const sourceHolds = (source: Source, { principal }: Request): boolean =>
  (source.principals === undefined || source.principals.includes(principal ?? 'nobody')) &&
  !(source.notPrincipals ?? []).includes(principal ?? 'nobody') &&
  (source.namespaces === undefined || source.namespaces.includes(home(principal) ?? 'nobody'))

function fullMatch({ from = [], to = [], when = [] }: Rule, request: Request): boolean {
  return (
    (from.length === 0 || from.some(({ source }) => sourceHolds(source, request))) &&
    (to.length === 0 ||
      to.some(
        ({ operation: { ports, methods } }) =>
          (ports === undefined || ports.includes(request.port)) &&
          (methods === undefined || methods.includes(request.method)),
      )) &&
    when.every(({ notValues }) => !notValues.includes(request.principal ?? 'nobody'))
  )
}

/** Of an ALLOW the whole rule goes with its HTTP, of a DENY only the HTTP, and what is empty never matches. */
function ztunnelMatch(rule: Rule, action: Spec['action'], request: Request): boolean {
  const { from = [], to = [], when = [] } = rule
  const http = to.some(({ operation }) => operation.methods !== undefined)
  if (http && action === 'ALLOW') return false
  return (
    (from.length === 0 || from.some(({ source }) => sourceHolds(source, request))) &&
    (to.length === 0 || to.some(({ operation: { ports } }) => ports?.includes(request.port))) &&
    when.every(({ notValues }) => !notValues.includes(request.principal ?? 'nobody'))
  )
}

function admits(specs: readonly Spec[], request: Request, at: 'full' | 'ztunnel'): boolean {
  const matches = ({ rules = [], action }: Spec): boolean =>
    rules.some((rule) =>
      at === 'full' ? fullMatch(rule, request) : ztunnelMatch(rule, action, request),
    )
  if (specs.some((spec) => spec.action === 'DENY' && matches(spec))) return false
  const allows = specs.filter(({ action }) => action === 'ALLOW')
  return allows.length === 0 || allows.some(matches)
}

const waypointPrincipal = 'cluster.local/ns/shop/sa/waypoint'
const sidecarLabels = { app: 'cart', 'security.istio.io/tlsMode': 'istio' }

const selecting = (specs: readonly Spec[], labels: Readonly<Record<string, string>>) =>
  specs.filter(
    ({ selector, targetRefs }) =>
      targetRefs === undefined &&
      Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value),
  )

const callers = ['cluster.local/ns/shop/sa/web', 'cluster.local/ns/ops/sa/batch', undefined]
const requests: readonly Request[] = callers.flatMap((principal) =>
  ['8080', '9090'].flatMap((port) => ['GET', 'PUT'].map((method) => ({ principal, port, method }))),
)

const some = <T>(...values: readonly T[]) =>
  fc.subarray([...values], { minLength: 1, maxLength: values.length })
const sources = fc.oneof(
  some('cluster.local/ns/shop/sa/web', 'cluster.local/ns/ops/sa/batch').map((principals) => ({
    principals,
  })),
  some('cluster.local/ns/shop/sa/web').map((notPrincipals) => ({ notPrincipals })),
  some('shop', 'ops').map((namespaces) => ({ namespaces })),
)
const operations = fc.oneof(
  some('8080', '9090').map((ports) => ({ ports })),
  some('GET', 'PUT').map((methods) => ({ methods })),
  fc
    .tuple(some('8080', '9090'), some('GET', 'PUT'))
    .map(([ports, methods]) => ({ ports, methods })),
)
const rule: fc.Arbitrary<Rule> = fc.record(
  {
    from: fc.array(
      sources.map((source) => ({ source })),
      { minLength: 1, maxLength: 2 },
    ),
    to: fc.array(
      operations.map((operation) => ({ operation })),
      { minLength: 1, maxLength: 2 },
    ),
  },
  { requiredKeys: [], noNullPrototype: true },
)
const specs: fc.Arbitrary<Spec> = fc.record(
  {
    action: fc.constantFrom('ALLOW', 'DENY'),
    rules: fc.array(rule, { maxLength: 3 }),
    selector: fc.constant({ matchLabels: { app: 'cart' } }),
  },
  { requiredKeys: ['action', 'rules'], noNullPrototype: true },
)

/** The objects as the calls of S6, S7 and S8 leave them. */
function afterCalls(before: readonly KubeObject[], work: ReturnType<typeof planWork>): Spec[] {
  const objects = new Map(
    before.map((one) => [one.metadata.name, one.spec as Record<string, unknown>]),
  )
  for (const { ref, ...call } of work.steps.flatMap(({ calls }) => calls)) {
    if (ref.kind !== 'AuthorizationPolicy') continue
    if (call.verb === 'apply') objects.set(ref.name, call.body.spec as Record<string, unknown>)
    if (call.verb !== 'patch') continue
    const spec = { ...objects.get(ref.name) }
    for (const { op, path, value } of call.patch) {
      if (op === 'test') assert.deepEqual(spec, value, 'a test of what is there')
      else spec[path.split('/')[2] as string] = value
    }
    objects.set(ref.name, spec)
  }
  return [...objects.values()] as unknown as Spec[]
}

const injected = namespace('shop', { 'istio-injection': 'enabled' })

test('whatever is admitted or refused anew, some policy says so', () => {
  fc.assert(
    fc.property(
      fc.array(specs, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('auto' as const, 'never' as const),
      fc.boolean(),
      (chosen, waypoint, lazily) => {
        const before = chosen.map((spec, at) =>
          policy(`p${at}`, spec as unknown as Record<string, unknown>),
        )
        const cart = pod('cart', { spec: { serviceAccountName: 'cart' } })
        const snapshot = snapshotOf([injected, cart, service('cart'), ...before])
        const intent = {
          ...decideIntent(snapshot, { ...planOptions, waypoint }),
          liveTakeover: !lazily,
        }
        const work = planWork(snapshot, intent, { id: 'x', createdAt: 'now' })
        const after = afterCalls(before, work)
        const told = work.policies.map(({ afterSteps }) => afterSteps.at(-1)?.effect)
        const today = selecting(chosen, sidecarLabels)
        const copies = after.filter(({ targetRefs }) => targetRefs !== undefined)
        const atZtunnel = selecting(after, { app: 'cart' })
        for (const request of requests) {
          const was = admits(today, request, 'full')
          const through = { ...request, principal: waypointPrincipal }
          const ways = [
            ['a ztunnel', admits(atZtunnel, request, 'ztunnel')],
            ...(intent.namespaces[0]?.waypoint !== undefined && request.principal !== undefined
              ? [
                  [
                    'the waypoint',
                    admits(copies, request, 'full') && admits(atZtunnel, through, 'ztunnel'),
                  ],
                ]
              : []),
            ...(lazily
              ? [['a sidecar', admits(selecting(after, sidecarLabels), request, 'full')]]
              : []),
          ] as const
          for (const [way, is] of ways) {
            const text = `${JSON.stringify(request)} by ${way}: ${was} -> ${is}, told ${told}`
            if (is && !was)
              assert.ok(
                told.some((one) => one === 'open' || one === 'altered'),
                text,
              )
            if (was && !is)
              assert.ok(
                told.some((one) => one !== 'same'),
                text,
              )
          }
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('at the waypoint itself everything is as the sidecars had it', () => {
  fc.assert(
    fc.property(fc.array(specs, { minLength: 1, maxLength: 3 }), (chosen) => {
      const before = chosen.map((spec, at) =>
        policy(`p${at}`, spec as unknown as Record<string, unknown>),
      )
      const snapshot = snapshotOf([injected, pod('cart'), service('cart'), ...before])
      const intent = decideIntent(snapshot, { ...planOptions, waypoint: 'always' })
      const after = afterCalls(before, planWork(snapshot, intent, { id: 'x', createdAt: 'now' }))
      const copies = after.filter(({ targetRefs }) => targetRefs !== undefined)
      const atZtunnel = selecting(after, { app: 'cart' })
      for (const request of requests.filter(({ principal }) => principal !== undefined)) {
        const through = { ...request, principal: waypointPrincipal }
        const is = admits(copies, request, 'full') && admits(atZtunnel, through, 'ztunnel')
        const was = admits(selecting(chosen, sidecarLabels), request, 'full')
        assert.equal(is, was, JSON.stringify({ request, after }))
      }
    }),
    { numRuns: 150 },
  )
})
