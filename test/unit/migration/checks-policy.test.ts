import type { KubeObject } from '../../../cluster/objects.ts'
import { policyChecks } from '../../../migration/preflight/policy.ts'
import { routingChecks } from '../../../migration/preflight/routing.ts'
import { testChecks } from '../../support/check-cases.ts'
import { policy } from '../../support/snapshots.ts'

const object = (
  apiVersion: string,
  kind: string,
  name: string,
  spec: Record<string, unknown>,
): KubeObject => ({ apiVersion, kind, metadata: { name, namespace: 'shop' }, spec })
const networking = (kind: string, name: string, spec: Record<string, unknown>) =>
  object('networking.istio.io/v1', kind, name, spec)
const security = (kind: string, spec: Record<string, unknown>) =>
  object('security.istio.io/v1', kind, 'p', spec)

const methods = { to: [{ operation: { methods: ['GET'] } }] }
const ops = { from: [{ source: { namespaces: ['ops'] } }] }
const ap = 'AuthorizationPolicy shop/p'
const never = { waypoint: 'never' } as const
const blocks = (resource: string, reason: RegExp) => ({
  severity: 'blocker' as const,
  resource,
  reason,
})
const warns = (resource: string, reason: RegExp) => ({
  severity: 'warning' as const,
  resource,
  reason,
})
const tells = (resource: string, reason: RegExp) => ({
  severity: 'info' as const,
  resource,
  reason,
})

testChecks(policyChecks, [
  {
    check: 'MB050',
    when: 'an ALLOW asks for HTTP and no waypoint is wanted',
    add: [policy('p', { rules: [methods] })],
    options: never,
    finds: [blocks(ap, /^stricter after S10\/shop: .*admit nobody/)],
  },
  {
    check: 'MB050',
    when: 'a waypoint takes it, whom others can go past',
    add: [policy('p', { rules: [methods] })],
    finds: [blocks(ap, /^open after S10\/shop: ambient pods: no longer protected against/)],
  },
  {
    check: 'MB051',
    when: 'a DENY asks for HTTP',
    add: [policy('p', { action: 'DENY', rules: [methods] })],
    options: never,
    finds: [blocks(ap, /^open .*refuse nobody/)],
  },
  {
    check: 'MB052',
    when: 'a DENY loses a rule',
    add: [policy('p', { action: 'DENY', rules: [ops, methods] })],
    options: never,
    finds: [blocks(ap, /^open /)],
  },
  {
    check: 'MB052',
    when: 'a DENY loses the HTTP that narrowed it',
    add: [
      policy('p', {
        action: 'DENY',
        rules: [{ to: [{ operation: { ports: ['9'], methods: ['X'] } }] }],
      }),
    ],
    options: never,
    finds: [warns(ap, /^stricter /)],
  },
  {
    check: 'MB053',
    when: 'somebody else is asked, and others are only recorded',
    add: [
      policy('p', { action: 'CUSTOM', provider: { name: 'opa' }, rules: [{}] }),
      policy('q', { action: 'AUDIT', rules: [ops] }),
    ],
    options: never,
    finds: [
      blocks(ap, /^open .*no external authorizer/),
      warns('AuthorizationPolicy shop/q', /no audit record/),
    ],
  },
  {
    check: 'MB054',
    when: 'a dry run is not sent',
    add: [policy('p', { rules: [methods] }, 'shop', { 'istio.io/dry-run': 'true' })],
    finds: [tells(ap, /no longer logged/)],
  },
  {
    check: 'MB055',
    when: 'principals name a trust domain that only sidecars take for the own one',
    add: [
      policy('p', { rules: [{ from: [{ source: { principals: ['old.example/ns/a/sa/b'] } }] }] }),
    ],
    change: {
      'ConfigMap istio-system/istio': (map) => ({
        ...map,
        data: { mesh: 'trustDomain: cluster.local\ntrustDomainAliases:\n- old.example\n' },
      }),
    },
    options: never,
    finds: [blocks(ap, /^stricter .*old\.example\/ns\/a\/sa\/b literally/)],
  },
  {
    check: 'MB055',
    when: 'the only stricter policy is the guard that was asked for',
    add: [policy('p', { rules: [methods] })],
    options: { protectFromBypass: true },
    finds: [],
  },
  {
    check: 'MB056',
    when: 'a target does not exist, or nothing is bound',
    add: [
      policy('p', { targetRefs: [{ group: '', kind: 'Service', name: 'nowhere' }], rules: [{}] }),
      policy('q', { targetRefs: [{ kind: 'Gateway', name: 'waypoint' }], rules: [{}] }),
    ],
    options: never,
    finds: [
      blocks(ap, /Service shop\/nowhere does not exist/),
      blocks('AuthorizationPolicy shop/q', /nobody enforces it/),
    ],
  },
  {
    check: 'MB057',
    when: 'a selector is empty',
    add: [policy('p', { selector: {}, action: 'DENY', rules: [ops] })],
    options: never,
    finds: [blocks(ap, /^open .*selects no pod/)],
  },
  {
    check: 'MB057',
    when: 'a waypoint takes over what is for a whole namespace, or for the whole mesh',
    add: [
      policy('p', { action: 'DENY', rules: [methods] }),
      policy('all', { action: 'DENY', rules: [methods] }, 'istio-system'),
      policy('l4', { action: 'DENY', rules: [ops] }),
      policy('one', { selector: { matchLabels: { app: 'cart' } }, rules: [methods] }),
    ],
    finds: [
      warns(ap, /its whole namespace, .*which later changes of this policy do not reach/),
      {
        ...warns('AuthorizationPolicy istio-system/all', /the whole mesh, .* the one of shop/),
        remedy: /in istio-system with targetRefs to the GatewayClass istio-waypoint/,
      },
    ],
  },
  {
    check: 'MB057',
    when: 'what is for a whole namespace is enforced by ztunnels, or by no waypoint',
    add: [policy('p', { action: 'DENY', rules: [methods] })],
    options: never,
  },
  {
    check: 'MB058',
    when: 'tokens were checked by sidecars',
    add: [security('RequestAuthentication', { jwtRules: [{ issuer: 'x' }] })],
    options: never,
    finds: [blocks('RequestAuthentication shop/p', /^open .*tokens/)],
  },
  {
    check: 'MB059',
    when: 'mutual TLS is off for a port',
    add: [security('PeerAuthentication', { portLevelMtls: { 9: { mode: 'DISABLE' } } })],
    finds: [blocks('PeerAuthentication shop/p', /no effect/)],
  },
  {
    check: 'MB060',
    when: 'STRICT meets callers without an identity',
    add: [security('PeerAuthentication', { mtls: { mode: 'STRICT' } })],
    facts: {
      callers: {
        shop: [
          {
            namespace: 'unknown',
            workload: 'unknown',
            principal: 'unknown',
            destinationService: 'cart.shop.svc.cluster.local',
            protocol: 'http',
            via: 'unknown',
          },
        ],
      },
    },
    finds: [warns('Namespace shop', /cart\.shop/)],
  },
])

const vs = 'VirtualService shop/cart'
const dr = 'DestinationRule shop/cart'
testChecks(routingChecks, [
  {
    check: 'MB061',
    when: 'callers route by themselves',
    add: [networking('VirtualService', 'cart', { hosts: ['cart'], http: [{ route: [] }] })],
    finds: [warns(vs, /Alpha/)],
  },
  {
    check: 'MB061',
    when: 'it says things about callers',
    add: [
      networking('VirtualService', 'cart', { hosts: ['cart'], http: [{ fault: {}, mirror: {} }] }),
    ],
    finds: [blocks(vs, /^Its fault, mirror end/)],
  },
  {
    check: 'MB062',
    when: 'an HTTPRoute is for the same service',
    add: [
      networking('VirtualService', 'cart', { hosts: ['cart.shop.svc.cluster.local'] }),
      object('gateway.networking.k8s.io/v1', 'HTTPRoute', 'cart', {
        parentRefs: [{ group: '', kind: 'Service', name: 'cart' }],
      }),
    ],
    finds: [blocks(vs, /HTTPRoute is for Service cart too/)],
  },
  {
    check: 'MB063',
    when: 'nobody applies a DestinationRule',
    add: [networking('DestinationRule', 'cart', { host: 'cart' })],
    options: never,
    finds: [warns(dr, /Without a waypoint/)],
  },
  {
    check: 'MB064',
    when: 'a DestinationRule has TLS of its own',
    add: [
      networking('DestinationRule', 'cart', {
        host: 'cart',
        trafficPolicy: { tls: { mode: 'SIMPLE' } },
      }),
    ],
    finds: [warns(dr, /SIMPLE/)],
  },
  {
    check: 'MB065',
    when: 'an EnvoyFilter is for pods of the namespace',
    add: [object('networking.istio.io/v1alpha3', 'EnvoyFilter', 'f', { configPatches: [] })],
    finds: [blocks('EnvoyFilter shop/f', /no Envoy/)],
  },
  {
    check: 'MB066',
    when: 'a WasmPlugin selects pods',
    add: [
      object('extensions.istio.io/v1alpha1', 'WasmPlugin', 'w', {
        selector: { matchLabels: { app: 'x' } },
      }),
    ],
    finds: [warns('WasmPlugin shop/w', /copy with targetRefs/)],
  },
  {
    check: 'MB067',
    when: 'a Sidecar says what there is, or closes egress',
    add: [
      networking('Sidecar', 'a', {}),
      networking('Sidecar', 'b', { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } }),
    ],
    finds: [tells('Sidecar shop/a', /no effect/), warns('Sidecar shop/b', /REGISTRY_ONLY/)],
  },
  {
    check: 'MB068',
    when: 'a ServiceEntry is limited or wild',
    add: [
      networking('ServiceEntry', 'a', { hosts: ['x.example'], exportTo: ['.'] }),
      networking('ServiceEntry', 'b', { hosts: ['*.example'] }),
    ],
    finds: [warns('ServiceEntry shop/a', /exportTo/), warns('ServiceEntry shop/b', /wildcard/)],
  },
])
