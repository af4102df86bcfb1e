import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { liveTakeoverAnnotation } from '../../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../../cluster/objects.ts'
import { driftOf } from '../../../migration/plan/basis.ts'
import { buildPlan } from '../../../migration/plan/build.ts'
import { decideIntent } from '../../../migration/plan/decide-intent.ts'
import type { PlanOptions } from '../../../migration/plan/intent.ts'
import { blockers, runChecks } from '../../../migration/preflight/run-checks.ts'
import { planSchema } from '../../../migration/result/plan.ts'
import { changed } from '../../support/healthy-mesh.ts'
import {
  deployment,
  identity,
  namespace,
  planOf,
  planOptions,
  pod,
  policy,
  service,
  snapshotOf,
} from '../../support/snapshots.ts'

const injected = namespace('shop', { 'istio-injection': 'enabled' })
const mesh = (enabled: string): KubeObject & { data: object } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: 'istio-system' },
  data: {
    mesh: `defaultConfig: { proxyMetadata: { ISTIO_META_ENABLE_HBONE: "${enabled}" } }`,
  },
})
const shop = [injected, deployment('cart'), pod('cart'), service('cart')]

const idsOf = ({ steps }: { readonly steps: readonly { readonly id: string }[] }) =>
  steps.map(({ id }) => id)

test('a namespace with sidecars and no L7 turns in one patch that compares all its labels', () => {
  const plan = planOf(shop)
  assert.deepEqual(idsOf(plan), ['S0', 'S10/shop', 'S14'])
  assert.deepEqual(plan.steps[1]?.calls, [
    {
      verb: 'patch',
      ref: { apiVersion: 'v1', kind: 'Namespace', name: 'shop' },
      patch: [
        {
          op: 'test',
          path: '/metadata/labels',
          value: { 'kubernetes.io/metadata.name': 'shop', 'istio-injection': 'enabled' },
        },
        { op: 'remove', path: '/metadata/labels/istio-injection' },
        { op: 'add', path: '/metadata/labels/istio.io~1dataplane-mode', value: 'ambient' },
      ],
    },
  ])
  assert.deepEqual(plan.staying, [{ namespace: 'shop', workload: 'Deployment/cart', pods: 1 }])
  assert.ok(planSchema.safeParse(plan).success)
})

test('an L7 policy brings a waypoint, bound before the namespace turns', () => {
  const paths = policy('admin', {
    action: 'DENY',
    rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
  })
  const plan = planOf([...shop, paths])
  const phases = plan.steps.map(({ phase }) => phase)
  assert.ok(phases.indexOf('S5') > 0)
  assert.ok(phases.indexOf('S9') > phases.indexOf('S5'))
  assert.ok(phases.indexOf('S10') > phases.indexOf('S9'))
  const flip = plan.steps.find(({ phase }) => phase === 'S10')?.calls[0]
  const seen = flip?.verb === 'patch' ? flip.patch[0]?.value : undefined
  assert.equal((seen as Record<string, string>)['istio.io/use-waypoint'], 'waypoint')
})

test('only what is missing is planned; nothing at all where nothing is', () => {
  const ambient = namespace('shop', { 'istio.io/dataplane-mode': 'ambient' })
  assert.deepEqual(planOf([ambient, deployment('cart')]).steps, [])
  assert.deepEqual(idsOf(planOf([ambient, deployment('cart')], { waypoint: 'always' })), [
    'S0',
    'S5/shop',
    'S9/shop',
    'S14',
  ])
})

test('pods that ask for a sidecar themselves make it disable injection instead', () => {
  const asking = deployment('cart', { labels: { 'sidecar.istio.io/inject': 'true' } })
  const flip = planOf([injected, asking]).steps.find(({ phase }) => phase === 'S10')?.calls[0]
  assert.ok(flip?.verb === 'patch')
  assert.deepEqual(flip.patch[1], {
    op: 'replace',
    path: '/metadata/labels/istio-injection',
    value: 'disabled',
  })
})

test('a revision leaves the namespace and stays on its waypoint', () => {
  const revised = namespace('shop', { 'istio.io/rev': 'stable' })
  const plan = planOf([revised, deployment('cart')], { waypoint: 'always' })
  const call = plan.steps.find(({ phase }) => phase === 'S5')?.calls[0]
  assert.ok(call?.verb === 'apply')
  assert.deepEqual((call.body.metadata as KubeObject['metadata']).labels, {
    'meshbench.io/migration': identity.id,
    'istio.io/rev': 'stable',
  })
})

test('the same twice, whatever the order in which objects were read', () => {
  assert.deepEqual(planOf(shop), planOf([...shop].reverse()))
})

describe('drift', () => {
  const plan = planOf(shop)
  const drift = (objects: readonly KubeObject[]) => driftOf(plan, snapshotOf(objects))

  test('is none where nothing that decides has changed', () => {
    const noise = shop.map((object) => ({
      ...object,
      metadata: { ...object.metadata, resourceVersion: '99', generation: 7 },
      status: { observedGeneration: 7 },
    }))
    const scaled = noise.map((one) =>
      one.kind === 'Deployment' ? { ...one, spec: { ...(one.spec as object), replicas: 9 } } : one,
    )
    assert.equal(drift(scaled), undefined)
    assert.equal(drift([...shop, pod('payments')]), undefined)
  })

  test('names what changed, appeared and went', () => {
    const changed = namespace('shop', { 'istio-injection': 'disabled' })
    const now = [changed, deployment('cart'), service('payments')]
    assert.deepEqual(drift(now), {
      changed: ['Namespace shop'],
      appeared: ['Service shop/payments'],
      gone: ['Service shop/cart'],
    })
  })

  test('does not look at namespaces that stay as they are', () => {
    assert.equal(drift([...shop, service('web', { namespace: 'web' })]), undefined)
  })
})

describe('waves', () => {
  const three = ['a', 'b', 'c'].map((name) => namespace(name, { 'istio-injection': 'enabled' }))
  const calls = (pairs: readonly (readonly [from: string, to: string])[]) => {
    const caller = (from: string) => ({
      namespace: from,
      workload: 'w',
      principal: `cluster.local/ns/${from}/sa/w`,
      destinationService: 's',
      protocol: 'http' as const,
      via: 'sidecar' as const,
    })
    const snapshot = snapshotOf(three, {
      namespaces: ['a', 'b', 'c'],
      probes: {
        callers: (to) => pairs.filter(([, one]) => one === to).map(([from]) => caller(from)),
      },
    })
    const options = { ...planOptions, namespaces: ['a', 'b', 'c'] }
    return buildPlan(snapshot, decideIntent(snapshot, options), [], identity).waves
  }

  test('go from callers to called', () => {
    assert.deepEqual(
      calls([
        ['c', 'b'],
        ['b', 'a'],
      ]),
      [['c'], ['b'], ['a']],
    )
  })

  test('hold namespaces together that call one another', () => {
    assert.deepEqual(
      calls([
        ['a', 'b'],
        ['b', 'a'],
        ['b', 'c'],
      ]),
      [['a', 'b'], ['c']],
    )
    assert.deepEqual(calls([['a', 'a']]), [['a', 'b', 'c']])
  })
})

test('NetworkPolicies get a second one for the same pods, whose open ports must be accepted', () => {
  const web = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      podSelector: { matchLabels: { app: 'cart' } },
      ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }],
    },
  }
  const plan = planOf([...shop, web])
  const [call] = plan.steps.find(({ phase }) => phase === 'S4')?.calls ?? []
  assert.ok(call?.verb === 'apply')
  assert.deepEqual(call.body.spec, {
    podSelector: { matchLabels: { app: 'cart' } },
    policyTypes: ['Ingress'],
    ingress: [
      { from: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port: 15008 }] },
      { from: [{ ipBlock: { cidr: '169.254.7.127/32' } }] },
    ],
  })
  const told = plan.checks.flatMap(({ findings }) => findings)
  assert.deepEqual(
    told.map(({ id, severity, resource, acceptable }) => [id, severity, resource, acceptable]),
    [['MB070', 'blocker', 'NetworkPolicy shop/web', true]],
  )
})

test('restarts are one step for each workload, only when asked for, twice only under STRICT', () => {
  const strict = {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'strict', namespace: 'shop' },
    spec: { mtls: { mode: 'STRICT' } },
  }
  const plan = planOf([...shop, strict, mesh('true')], { restartWorkloads: true })
  assert.deepEqual(idsOf(plan), ['S0', 'S3/shop', 'S10/shop', 'S11/shop/Deployment/cart', 'S14'])
  const patches = plan.steps.flatMap(({ phase, calls }) =>
    ['S3', 'S11'].includes(phase) ? calls.map((call) => call.verb === 'patch' && call.patch) : [],
  )
  const key = 'kubectl.kubernetes.io/restartedAt'
  const first = { [key]: `${identity.createdAt} for HBONE` }
  assert.deepEqual(patches, [
    [
      { op: 'test', path: '/spec/template/metadata/labels', value: { app: 'cart' } },
      { op: 'add', path: '/spec/template/metadata/annotations', value: first },
    ],
    [
      { op: 'test', path: '/spec/template/metadata/annotations', value: first },
      {
        op: 'add',
        path: '/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt',
        value: identity.createdAt,
      },
    ],
  ])
  assert.deepEqual(plan.staying, [])
  assert.ok(!idsOf(planOf([...shop, mesh('true')], { restartWorkloads: true })).includes('S3/shop'))

  const web = changed('spec.template.metadata.annotations', {
    'proxy.istio.io/config': 'proxyMetadata: { ISTIO_META_ENABLE_HBONE: no }',
  })(deployment('web'))
  for (const others of [[], [mesh('false')], [mesh('true'), web, pod('web')]]) {
    const ids = idsOf(planOf([...shop, strict, ...others], { restartWorkloads: true }))
    assert.ok(!ids.includes('S3/shop') && ids.includes('S11/shop/Deployment/cart'), ids.join(' '))
  }
})

describe('cleaning up', () => {
  const admin = (labels: Record<string, string> = {}) =>
    policy(
      'admin',
      {
        selector: { matchLabels: { app: 'cart', ...labels } },
        action: 'DENY',
        rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
      },
      'shop',
      { reason: 'audit 7' },
    )
  const s12 = (objects: readonly KubeObject[], cleanUp = true) =>
    planOf(objects, { cleanUp }).steps.find(({ phase }) => phase === 'S12')

  test('deletes what S8 has left to sidecars, only when asked for, as it is then', () => {
    assert.equal(s12([...shop, admin()], false), undefined)
    const one = s12([...shop, admin()])
    assert.equal(one?.title, 'Delete what only sidecars went by: AuthorizationPolicy shop/admin')
    const narrowed = {
      selector: { matchLabels: { app: 'cart', 'security.istio.io/tlsMode': 'istio' } },
      action: 'DENY',
      rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
    }
    const [call] = one?.calls ?? []
    assert.ok(call?.verb === 'delete')
    assert.deepEqual(call.object, {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'admin', namespace: 'shop', annotations: { reason: 'audit 7' } },
      spec: narrowed,
    })
    const ref = (name: string) => ({ ...call.ref, name })
    assert.deepEqual(one?.requires, [
      { check: 'no-sidecars', namespace: 'shop' },
      { check: 'no-sidecar-callers', namespace: 'shop' },
      { check: 'policy-accepted', ref: ref('admin-waypoint'), condition: 'WaypointAccepted' },
      { check: 'unchanged', ref: ref('admin'), fields: { 'metadata.uid': null, spec: narrowed } },
    ])
    const plan = planOf([...shop, admin()], { cleanUp: true })
    assert.ok(idsOf(plan).indexOf('S12/shop') > idsOf(plan).indexOf('S10/shop'))
    const after = plan.policies[0]?.afterSteps.find(({ step }) => step === 'S12/shop')
    assert.doesNotMatch(after?.because ?? '', /sidecar/, 'there are none left')
  })

  test('finds what an earlier migration has narrowed, by the twin at the waypoint', () => {
    const narrowed = admin({ 'security.istio.io/tlsMode': 'istio' })
    const twin = policy('admin-waypoint', {
      targetRefs: [{ group: '', kind: 'Service', name: 'cart' }],
      action: 'DENY',
      rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
    })
    const ambient = namespace('shop', {
      'istio.io/dataplane-mode': 'ambient',
      'istio.io/use-waypoint': 'waypoint',
    })
    const there = [ambient, deployment('cart'), pod('cart', { sidecar: false }), service('cart')]
    assert.deepEqual(
      s12([...there, narrowed, twin])?.calls.map(({ ref }) => ref.name),
      ['admin'],
    )
    assert.equal(s12([...there, narrowed]), undefined, 'nobody has it without a twin')
    assert.equal(s12([...there, admin(), twin])?.calls[0]?.ref.name, 'admin', 'S8 narrows it first')
  })

  test('deletes a VirtualService whose every host has an HTTPRoute, and what GitOps owns is left', () => {
    const virtual = (hosts: readonly string[], spec: object = {}): KubeObject => ({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: hosts.join('-'), namespace: 'shop' },
      spec: { hosts, http: [], ...spec },
    })
    const route: KubeObject = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'cart', namespace: 'shop' },
      spec: { parentRefs: [{ group: '', kind: 'Service', name: 'cart' }] },
    }
    const argo = admin()
    const marked = {
      ...argo,
      metadata: { ...argo.metadata, annotations: { 'argocd.argoproj.io/tracking-id': 'x' } },
    }
    const one = s12([
      ...shop,
      route,
      marked,
      virtual(['cart']),
      virtual(['cart.shop.svc.cluster.local', 'web']),
      virtual(['cart.shop'], { gateways: ['mesh', 'public'] }),
    ])
    assert.deepEqual(
      one?.calls.map(({ ref }) => `${ref.kind} ${ref.name}`),
      ['VirtualService cart'],
    )
    assert.match(
      one?.why ?? '',
      /AuthorizationPolicy shop\/admin is left: Argo CD would bring it back/,
    )
  })
})

describe('protection from bypass', () => {
  const admin = policy('admin', {
    selector: { matchLabels: { app: 'cart' } },
    action: 'DENY',
    rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
  })
  const waypoint = 'cluster.local/ns/shop/sa/waypoint'
  const s13 = (objects: readonly KubeObject[], options: Partial<PlanOptions> = {}) =>
    planOf(objects, { protectFromBypass: true, ...options }).steps.find(
      ({ phase }) => phase === 'S13',
    )
  const specs = (one: ReturnType<typeof s13>) =>
    one?.calls.map((call) => (call.verb === 'apply' ? call.body.spec : call.verb))

  test('refuses at the pods of every bound service whoever is not the waypoint, by selector', () => {
    assert.equal(s13([...shop, admin], { protectFromBypass: false }), undefined)
    const one = s13([...shop, admin])
    assert.deepEqual(
      one?.calls.map(({ verb, ref }) => `${verb} ${ref.kind} ${ref.namespace}/${ref.name}`),
      ['apply AuthorizationPolicy shop/cart-only-waypoint'],
    )
    assert.deepEqual(specs(one), [
      {
        selector: { matchLabels: { app: 'cart' } },
        action: 'DENY',
        rules: [{ from: [{ source: { notPrincipals: [waypoint] } }] }],
      },
    ])
    assert.deepEqual(
      one?.requires?.map(({ check }) => check),
      ['no-sidecars', 'waypoint-bound', 'callers-come-through', 'unchanged'],
    )
    const last = idsOf(planOf([...shop, admin], { protectFromBypass: true, cleanUp: true })).slice(
      -3,
    )
    assert.deepEqual(last, ['S12/shop', 'S13/shop', 'S14'])
  })

  test('lets those past who are listed, and leaves out who cannot come through a waypoint', () => {
    const one = s13([...shop, admin], {
      allowBypass: ['monitoring/prometheus', 'port:9090'],
      accept: ['MB083=plaintext'],
    })
    const prometheus = 'cluster.local/ns/monitoring/sa/prometheus'
    assert.deepEqual(specs(one), [
      {
        selector: { matchLabels: { app: 'cart' } },
        action: 'DENY',
        rules: [
          {
            from: [{ source: { notPrincipals: [waypoint, prometheus] } }],
            to: [{ operation: { notPorts: ['9090'] } }],
          },
        ],
      },
    ])
    assert.deepEqual(one?.requires?.find(({ check }) => check === 'callers-come-through')?.except, [
      prometheus,
      'plaintext',
    ])
    assert.match(one?.why ?? '', /but for .*prometheus, callers of port 9090/)
    const headless = service('cart-each')
    const each = { ...headless, spec: { clusterIP: 'None', selector: { app: 'cart' } } }
    assert.equal(s13([...shop, admin, each]), undefined)
    assert.equal(
      s13([
        injected,
        deployment('cart'),
        service('cart', { labels: { 'istio.io/use-waypoint': 'none' } }),
        admin,
      ]),
      undefined,
    )
  })

  test('what it refuses is no longer open to those who came past the waypoint', () => {
    const effects = (options: Partial<PlanOptions>) => {
      const { policies } = planOf([...shop, admin], { protectFromBypass: true, ...options })
      const last = (name: string) =>
        policies.find((one) => one.policy === `AuthorizationPolicy shop/${name}`)?.afterSteps
      return { admin: last('admin'), guard: last('cart-only-waypoint') }
    }
    const whole = effects({})
    const after = (rows: (typeof whole)['admin'], phase: string) =>
      rows?.find(({ step }) => step === `${phase}/shop`)?.effect
    assert.equal(after(whole.admin, 'S10'), 'open')
    assert.equal(after(whole.admin, 'S13'), 'stricter')
    assert.equal(after(whole.guard, 'S10'), 'same')
    assert.equal(after(whole.guard, 'S13'), 'stricter')
    assert.equal(after(effects({ allowBypass: ['port:9090'] }).admin, 'S13'), 'open')
  })

  test('a policy of this kind is never given to the waypoint, where it would refuse everybody', () => {
    const guard = policy('cart-only-waypoint', {
      selector: { matchLabels: { app: 'cart' } },
      action: 'DENY',
      rules: [{ from: [{ source: { notPrincipals: [waypoint] } }] }],
    })
    const plan = planOf([...shop, admin, guard], { protectFromBypass: true })
    const touched = plan.steps.flatMap(({ calls }) => calls).map(({ ref }) => ref.name)
    assert.deepEqual(
      touched.filter((name) => name.startsWith('cart-only')),
      [],
      'it is there already, and needs nothing',
    )
    const other = policy('others', {
      action: 'DENY',
      rules: [{ from: [{ source: { notPrincipals: ['cluster.local/ns/shop/sa/web'] } }] }],
    })
    const copied = planOf([...shop, admin, other]).steps.find(({ phase }) => phase === 'S7')
    assert.ok(copied?.calls.some(({ ref }) => ref.name === 'others-waypoint'))
  })
})

test('while running pods hand over, sidecars go past the waypoint: told by S10, and to be accepted', () => {
  const ztunnel = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: {
      name: 'ztunnel',
      namespace: 'istio-system',
      annotations: { [liveTakeoverAnnotation]: 'true' },
    },
    spec: { selector: {}, template: { spec: { containers: [] } } },
  }
  const reads = policy('reads', {
    selector: { matchLabels: { app: 'cart' } },
    rules: [{ to: [{ operation: { methods: ['GET'] } }] }],
  })
  const made = (accept: readonly string[]) => {
    const snapshot = snapshotOf([...shop, ztunnel, reads])
    const intent = decideIntent(snapshot, { ...planOptions, accept })
    assert.ok(intent.liveTakeover)
    return buildPlan(snapshot, intent, runChecks({ snapshot, intent }), identity)
  }
  const plan = made([])
  const flip = plan.steps.find(({ phase }) => phase === 'S10')
  const told = flip?.effects.find((one) => one.policy === 'AuthorizationPolicy shop/reads')
  assert.equal(told?.effect, 'open')
  assert.match(
    told?.because ?? '',
    /^ambient pods: no longer protected against clients with a sidecar, .*they do not come through it/,
  )
  const blocking = (one: typeof plan) =>
    blockers(one.checks)
      .filter(({ resource }) => resource === 'AuthorizationPolicy shop/reads')
      .map(({ id, acceptable }) => [id, acceptable])
  assert.deepEqual(blocking(plan), [['MB050', true]])
  assert.deepEqual(blocking(made(['MB050=AuthorizationPolicy shop/reads'])), [])
})
