import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PeerAuthentication, Pod } from '../../cluster/kinds.ts'
import { type AuthorizationPolicy, meshKinds } from '../../cluster/mesh/istio-objects.ts'
import { mtlsOf, mtlsPolicy } from '../../cluster/mesh/peer-authentication.ts'
import { convertForZtunnel, type ZtunnelVerdict } from '../../cluster/mesh/ztunnel-policy.ts'
import { evaluate } from '../../proxies/policy/rbac.ts'

function policy(
  spec: AuthorizationPolicy['spec'],
  metadata: Partial<AuthorizationPolicy['metadata']> = {},
): AuthorizationPolicy {
  return {
    ...meshKinds.authorizationPolicy,
    metadata: { name: 'p', namespace: 'shop', ...metadata },
    spec,
  }
}

type Flags = '-' | 'T' | 'L' | 'TL'
type Reason = 'Accepted' | 'UnsupportedValue' | 'none'
type Row = readonly [AuthorizationPolicy['spec'], ZtunnelVerdict, Flags, boolean, Reason]

const web = 'cluster.local/ns/shop/sa/web'
/** The worked examples of the migration facts, numbered as there. */
const table: Readonly<Record<string, Row>> = {
  E1: [
    {
      selector: { matchLabels: { app: 'cart' } },
      action: 'ALLOW',
      rules: [
        { from: [{ source: { principals: [web] } }], to: [{ operation: { ports: ['8080'] } }] },
      ],
    },
    'exact',
    '-',
    true,
    'Accepted',
  ],
  E2: [
    { action: 'ALLOW', rules: [{ to: [{ operation: { methods: ['GET'] } }] }] },
    'allow-nothing',
    'T',
    true,
    'UnsupportedValue',
  ],
  E3: [
    {
      action: 'ALLOW',
      rules: [
        { from: [{ source: { namespaces: ['ops'] } }] },
        { to: [{ operation: { paths: ['/public/*'] } }] },
      ],
    },
    'allow-narrowed',
    'T',
    true,
    'UnsupportedValue',
  ],
  E4: [
    {
      action: 'ALLOW',
      rules: [
        {
          from: [
            { source: { serviceAccounts: ['web'] } },
            { source: { requestPrincipals: ['*'] } },
          ],
        },
      ],
    },
    'allow-nothing',
    'T',
    true,
    'UnsupportedValue',
  ],
  E5: [{}, 'exact', '-', true, 'Accepted'],
  E6: [
    { rules: [{}, { to: [{ operation: { hosts: ['a.example'] } }] }] },
    'exact',
    '-',
    true,
    'UnsupportedValue',
  ],
  E7: [
    { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }] },
    'deny-inert',
    'L',
    true,
    'UnsupportedValue',
  ],
  E8: [
    {
      action: 'DENY',
      rules: [
        {
          from: [{ source: { namespaces: ['legacy'] } }],
          to: [{ operation: { methods: ['DELETE'] } }],
        },
      ],
    },
    'deny-inert',
    'L',
    true,
    'UnsupportedValue',
  ],
  E9: [
    {
      action: 'DENY',
      rules: [{ to: [{ operation: { ports: ['9000'], paths: ['/debug/*'] } }] }],
    },
    'deny-altered',
    'T',
    true,
    'UnsupportedValue',
  ],
  E10: [
    {
      action: 'DENY',
      rules: [
        {
          from: [
            { source: { namespaces: ['legacy'] } },
            { source: { notRequestPrincipals: ['*'] } },
          ],
        },
      ],
    },
    'deny-altered',
    'L',
    true,
    'UnsupportedValue',
  ],
  E11: [
    {
      action: 'DENY',
      rules: [
        { from: [{ source: { ipBlocks: ['10.9.0.0/16'] } }] },
        { when: [{ key: 'request.headers[x-debug]', values: ['1'] }] },
      ],
    },
    'deny-altered',
    'L',
    true,
    'UnsupportedValue',
  ],
  E12: [
    {
      action: 'DENY',
      rules: [
        {
          from: [{ source: { notNamespaces: ['shop'] } }],
          when: [{ key: 'destination.port', values: ['5432'] }],
        },
      ],
    },
    'exact',
    '-',
    true,
    'Accepted',
  ],
  E13: [
    {
      action: 'DENY',
      rules: [
        {
          from: [
            { source: { principals: ['*'], notRequestPrincipals: ['*'] } },
            { source: { remoteIpBlocks: ['203.0.113.0/24'] } },
          ],
        },
      ],
    },
    'deny-altered',
    'TL',
    true,
    'UnsupportedValue',
  ],
  E14: [
    { action: 'DENY', rules: [{}, { to: [{ operation: { methods: ['PUT'] } }] }] },
    'exact',
    '-',
    true,
    'UnsupportedValue',
  ],
  E15: [
    { action: 'CUSTOM', rules: [{ to: [{ operation: { ports: ['8080'] } }] }] },
    'not-sent',
    'L',
    false,
    'UnsupportedValue',
  ],
  E16: [
    { action: 'AUDIT', rules: [{ from: [{ source: { namespaces: ['ops'] } }] }] },
    'not-sent',
    '-',
    false,
    'UnsupportedValue',
  ],
  E17: [
    {
      targetRefs: [{ group: '', kind: 'Service', name: 'cart' }],
      action: 'DENY',
      rules: [{ to: [{ operation: { methods: ['PUT'] } }] }],
    },
    'waypoint-only',
    '-',
    false,
    'none',
  ],
  E18: [
    {
      action: 'ALLOW',
      rules: [{ when: [{ key: 'source.serviceAccount', values: ['shop/web'] }] }],
    },
    'allow-nothing',
    'T',
    true,
    'UnsupportedValue',
  ],
  E19: [
    {
      action: 'ALLOW',
      rules: [{ from: [{ source: { principals: ['*/ns/shop/sa/web'], trustDomains: ['td-a'] } }] }],
    },
    'allow-widened',
    'L',
    true,
    'Accepted',
  ],
  E20: [
    { selector: {}, action: 'DENY', rules: [{ from: [{ source: { notPrincipals: ['*'] } }] }] },
    'unattached',
    'L',
    true,
    'Accepted',
  ],
}

describe('an AuthorizationPolicy at ztunnels', () => {
  for (const [name, [spec, verdict, flags, sent, reason]] of Object.entries(table)) {
    test(`${name} is ${verdict}`, () => {
      const converted = convertForZtunnel(policy(spec))
      assert.equal(converted.verdict, verdict)
      const seen = `${converted.tighter ? 'T' : ''}${converted.looser ? 'L' : ''}`
      assert.equal(seen === '' ? '-' : seen, flags)
      assert.equal(converted.policy !== undefined, sent)
      assert.equal(converted.accepted?.reason ?? 'none', reason)
      assert.equal(converted.accepted?.status === 'True', sent)
    })
  }

  test('an exact policy keeps every clause', () => {
    assert.deepEqual(convertForZtunnel(policy(table.E1?.[0])).policy, {
      name: 'p',
      namespace: 'shop',
      scope: 'WorkloadSelector',
      action: 'Allow',
      rules: [[[{ destinationPorts: [8080] }], [{ principals: [{ Exact: web }] }]]],
    })
  })

  test('a DENY that lost its paths refuses the whole port', () => {
    const converted = convertForZtunnel(policy(table.E9?.[0])).policy
    assert.ok(converted)
    const input = { sourceIp: '10.0.0.1', sourceIdentity: undefined, destinationIp: '10.0.0.2' }
    assert.equal(evaluate([converted], { ...input, destinationPort: 9000 }).allowed, false)
    assert.equal(evaluate([converted], { ...input, destinationPort: 8080 }).allowed, true)
  })

  test('without a selector the root namespace reaches the whole mesh', () => {
    const scope = (namespace: string) =>
      convertForZtunnel(policy(table.E12?.[0], { namespace })).policy?.scope
    assert.deepEqual([scope('shop'), scope('istio-system')], ['Namespace', 'Global'])
  })

  test('a dry run is not sent, unless its annotation cannot be read', () => {
    const dryRun = (value: string) =>
      convertForZtunnel(policy(table.E2?.[0], { annotations: { 'istio.io/dry-run': value } }))
        .verdict
    assert.deepEqual([dryRun('true'), dryRun('yes')], ['not-sent', 'allow-nothing'])
  })

  test('a leading asterisk makes a suffix, values that cannot be read are skipped', () => {
    const converted = convertForZtunnel(
      policy({
        action: 'DENY',
        rules: [
          {
            from: [{ source: { namespaces: ['*a*'], ipBlocks: ['nonsense', '10.0.0.0/8'] } }],
            to: [{ operation: { notPorts: ['x', '70000', '443'] } }],
          },
        ],
      }),
    ).policy
    assert.deepEqual(converted?.rules, [
      [
        [{ notDestinationPorts: [443] }],
        [{ namespaces: [{ Suffix: 'a*' }], sourceIps: ['10.0.0.0/8'] }],
      ],
    ])
  })
})

describe('PeerAuthentication', () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'cart', namespace: 'shop', labels: { app: 'cart' } },
    spec: { containers: [] },
  } satisfies Pod
  let born = 0
  const peers = (namespace: string, spec: PeerAuthentication['spec']): PeerAuthentication => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: {
      name: 'peers',
      namespace,
      creationTimestamp: String(born++).padStart(4, '0'),
    },
    ...(spec ? { spec } : {}),
  })
  const cart = { selector: { matchLabels: { app: 'cart' } } }
  const strict = { mtls: { mode: 'STRICT' } } as const
  const permissive = { mtls: { mode: 'PERMISSIVE' } } as const

  const rows: readonly (readonly [string, readonly PeerAuthentication[], string])[] = [
    ['nothing', [], 'PERMISSIVE'],
    ['the mesh', [peers('istio-system', strict)], 'STRICT'],
    ['another namespace', [peers('bank', strict)], 'PERMISSIVE'],
    [
      'the namespace over the mesh',
      [peers('istio-system', strict), peers('shop', permissive)],
      'PERMISSIVE',
    ],
    [
      'UNSET, which leaves it to the mesh',
      [peers('istio-system', strict), peers('shop', { mtls: { mode: 'UNSET' } })],
      'STRICT',
    ],
    [
      'the pod over the namespace',
      [peers('shop', permissive), peers('shop', { ...cart, ...strict })],
      'STRICT',
    ],
    ['the oldest of a level', [peers('shop', strict), peers('shop', permissive)], 'STRICT'],
    ['DISABLE', [peers('shop', { mtls: { mode: 'DISABLE' } })], 'PERMISSIVE'],
  ]
  for (const [name, policies, mode] of rows) {
    test(`${name} makes it ${mode}`, () => {
      assert.equal(mtlsOf(pod, policies).mode, mode)
      const made = mtlsPolicy(mtlsOf(pod, policies))
      const expected = mode === 'STRICT' ? 'istio_converted_static_strict' : undefined
      assert.equal(made?.name, expected)
    })
  }

  test('an open port of a strict pod, and a closed one of an open pod', () => {
    const allowed = (spec: PeerAuthentication['spec'], destinationPort: number): boolean => {
      const made = mtlsPolicy(mtlsOf(pod, [peers('shop', { ...cart, ...spec })]))
      assert.match(made?.name ?? '', /^converted_peer_authentication_peers$/)
      const input = { sourceIp: '10.0.0.1', sourceIdentity: undefined, destinationIp: '10.0.0.2' }
      return evaluate(made ? [made] : [], { ...input, destinationPort }).allowed
    }
    const open = { ...strict, portLevelMtls: { 9090: { mode: 'DISABLE' } } } as const
    const closed = { ...permissive, portLevelMtls: { 9090: { mode: 'STRICT' } } } as const
    assert.deepEqual([allowed(open, 9090), allowed(open, 8080)], [true, false])
    assert.deepEqual([allowed(closed, 9090), allowed(closed, 8080)], [false, true])
  })
})
