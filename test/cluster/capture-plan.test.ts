import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CaptureFacts,
  type CapturePod,
  type DesiredSocket,
  planCapture,
} from '../../cluster/agent/capture-plan.ts'

const server: CapturePod = {
  uid: 's',
  workloadUid: 'mesh/server',
  node: 'one',
  podIp: '127.9.1.1',
  dataplane: 'none',
  ports: [{ port: 8080, process: 'server-app' }],
  mainProcess: 'server-app',
  excludedPorts: [],
  captures: [],
}
const client: CapturePod = {
  ...server,
  uid: 'c',
  workloadUid: 'mesh/client',
  podIp: '127.9.1.2',
  ports: [{ port: 9000, process: 'client-app' }],
  mainProcess: 'client-app',
  captures: [{ service: 'shop/server', address: '127.9.128.1' }],
}
const service = {
  key: 'shop/server',
  clusterIp: '127.9.192.1',
  ports: [{ port: 80, endpoints: [{ podUid: 's', targetPort: 8080 }] }],
}

function plan(
  clientPod: Partial<CapturePod> = {},
  known: readonly string[] = [],
  facts: Partial<CaptureFacts> = {},
): Record<string, string> {
  const ztunnel = { process: 'ztunnel', knows: (uid: string) => known.includes(uid) }
  const sockets = planCapture({
    pods: [server, { ...client, ...clientPod }],
    services: [service],
    ztunnels: known.length > 0 ? new Map([['one', [ztunnel]]]) : new Map(),
    ...facts,
  })
  return Object.fromEntries(
    sockets
      .filter(({ podUid }) => podUid === 'c')
      .map((socket) => [`${socket.host}:${socket.port}`, owners(socket)]),
  )
}

function owners({ owners: list }: DesiredSocket): string {
  if (list.length === 0) return 'refused'
  return list
    .map(({ process, purpose }) =>
      'port' in purpose ? `${process} ${purpose.port}` : `${process} ${purpose.listener.kind}`,
    )
    .join(' + ')
}

const direct = { '127.9.1.2:9000': 'client-app 9000', '127.9.128.1:80': 'server-app 8080' }
const viaSidecar = { '127.9.1.2:9000': 'proxy inbound', '127.9.128.1:80': 'proxy outbound' }
const viaZtunnel = {
  '127.9.1.2:9000': 'ztunnel inbound',
  '127.9.1.2:15008': 'ztunnel hbone',
  '127.9.128.1:80': 'ztunnel outbound',
}
const refusedAmbient = {
  '127.9.1.2:9000': 'refused',
  '127.9.1.2:15008': 'refused',
  '127.9.128.1:80': 'refused',
}

const cases: readonly {
  readonly situation: string
  readonly pod?: Partial<CapturePod>
  readonly known?: readonly string[]
  readonly expected: Record<string, string>
}[] = [
  { situation: 'without a mesh the endpoints themselves accept', expected: direct },
  {
    situation: 'a sidecar takes everything that goes in and out',
    pod: { dataplane: 'sidecar', sidecar: 'proxy' },
    expected: viaSidecar,
  },
  {
    situation: 'a sidecar that is not there lets nothing pass',
    pod: { dataplane: 'sidecar' },
    expected: { '127.9.1.2:9000': 'refused', '127.9.128.1:80': 'refused' },
  },
  {
    situation: 'an excluded port stays with the application',
    pod: { dataplane: 'sidecar', sidecar: 'proxy', excludedPorts: [9000] },
    expected: { '127.9.1.2:9000': 'client-app 9000', '127.9.128.1:80': 'proxy outbound' },
  },
  {
    situation: 'a sidecar that takes HBONE has 15008 too, whatever ztunnel is there',
    pod: { dataplane: 'sidecar', sidecar: 'proxy', takesHbone: true },
    known: ['mesh/client'],
    expected: { ...viaSidecar, '127.9.1.2:15008': 'proxy hbone' },
  },
  {
    situation: 'it keeps 15008 on its way to ambient, although the ztunnel knows the pod',
    pod: { dataplane: 'sidecar', sidecar: 'proxy', takesHbone: true, takeover: 'leaving' },
    known: ['mesh/client'],
    expected: { ...viaSidecar, '127.9.1.2:15008': 'proxy hbone' },
  },
  {
    situation: 'on its way back a sidecar that takes HBONE gets everything at once',
    pod: {
      dataplane: 'sidecar',
      sidecar: 'proxy',
      takesHbone: true,
      takeover: 'returning',
      tunnelled: true,
    },
    known: ['mesh/client'],
    expected: { ...viaSidecar, '127.9.1.2:15008': 'proxy hbone' },
  },
  {
    situation: 'a sidecar without HBONE leaves 15008 to the ztunnel for as long as peers use it',
    pod: { dataplane: 'sidecar', sidecar: 'proxy', takeover: 'returning', tunnelled: true },
    known: ['mesh/client'],
    expected: { ...viaSidecar, '127.9.1.2:15008': 'ztunnel hbone' },
  },
  {
    situation: 'a sidecar that takes HBONE and is not there lets nothing pass',
    pod: { dataplane: 'sidecar', takesHbone: true },
    expected: refusedAmbient,
  },
  {
    situation: 'in ambient the ztunnel that knows the pod takes its sockets and opens 15008',
    pod: { dataplane: 'ambient' },
    known: ['mesh/client'],
    expected: viaZtunnel,
  },
  {
    situation: 'a pod enrolled while running goes on as before until the ztunnel knows it',
    pod: { dataplane: 'ambient' },
    known: ['mesh/other'],
    expected: direct,
  },
  {
    situation: 'a pod born in ambient is refused until the ztunnel knows it',
    pod: { dataplane: 'ambient', redirection: 'pending' },
    known: ['mesh/other'],
    expected: refusedAmbient,
  },
  {
    situation: 'a captured pod without ztunnel fails closed',
    pod: { dataplane: 'ambient', redirection: 'enabled' },
    expected: refusedAmbient,
  },
  {
    situation: 'a waypoint has its own 15008 whatever the ztunnel says',
    pod: { waypoint: 'gateway', ports: [], captures: [] },
    known: ['mesh/client'],
    expected: { '127.9.1.2:15008': 'gateway hbone' },
  },
  {
    situation: 'an application that is down refuses on its own port only',
    pod: { ports: [{ port: 9000 }] },
    expected: { '127.9.1.2:9000': 'refused', '127.9.128.1:80': 'server-app 8080' },
  },
]

for (const { situation, pod, known, expected } of cases) {
  test(situation, () => assert.deepEqual(plan(pod, known), expected))
}

test('a service without ready endpoints refuses its clients without making them unready', () => {
  const empty = { ...service, ports: [{ port: 80, endpoints: [] }] }
  const facts = { pods: [client], services: [empty], ztunnels: new Map() }
  const socket = planCapture(facts).find(({ host }) => host === '127.9.128.1')
  assert.deepEqual(socket?.owners, [])
  assert.equal(socket?.optional, true)
})

test('every ready endpoint accepts on the socket of a client, also on undeclared ports', () => {
  const second = { ...server, uid: 's2', ports: [], mainProcess: 'second-app' }
  const endpoints = ['s', 's2'].map((podUid) => ({ podUid, targetPort: 8080 }))
  const shared = { ...service, ports: [{ port: 80, endpoints }] }
  const facts = { pods: [server, second, client], services: [shared], ztunnels: new Map() }
  const socket = planCapture(facts).find(({ host }) => host === '127.9.128.1')
  assert.equal(socket && owners(socket), 'server-app 8080 + second-app 8080')
})

test('a proxy is told whose connections arrive and what they were meant for', () => {
  const sidecar = { ...client, dataplane: 'sidecar', sidecar: 'proxy' } as const
  const facts = { pods: [server, sidecar], services: [service], ztunnels: new Map() }
  const socket = planCapture(facts).find(({ host }) => host === '127.9.128.1')
  assert.deepEqual(socket?.owners[0]?.purpose, {
    listener: {
      id: 'out/c/shop/server/80',
      kind: 'outbound',
      workloadUid: 'mesh/client',
      originalDestination: { host: '127.9.192.1', port: 80 },
    },
  })
})

test('a client of a headless service is told the address of one of its pods', () => {
  const proxied = { ...client, dataplane: 'sidecar', sidecar: 'proxy' } as const
  const second = { ...server, uid: 's2', podIp: '127.9.1.3' }
  const meant = (podUids: readonly string[], uid = 'c'): unknown => {
    const endpoints = podUids.map((podUid) => ({ podUid, targetPort: 8080 }))
    const headless = { ...service, clusterIp: 'None', ports: [{ port: 8080, endpoints }] }
    const pods = [server, second, { ...proxied, uid }]
    const sockets = planCapture({ pods, services: [headless], ztunnels: new Map() })
    const socket = sockets.find(({ host }) => host === '127.9.128.1')
    const [owner] = socket?.owners ?? []
    if (owner === undefined) return socket?.optional ? 'nobody' : 'awaited'
    return 'listener' in owner.purpose && 'originalDestination' in owner.purpose.listener
      ? owner.purpose.listener.originalDestination.host
      : owner
  }
  assert.equal(meant(['s']), '127.9.1.1')
  assert.equal(meant(['s2']), '127.9.1.3')
  assert.equal(meant([]), 'nobody')
  const several = new Set('abcdefgh'.split('').map((uid) => meant(['s', 's2'], uid)))
  assert.deepEqual(several, new Set(['127.9.1.1', '127.9.1.3']))
})

test('a client outside the mesh meets the proxy in front of its server, not the server', () => {
  const meshed: CapturePod = { ...server, dataplane: 'sidecar', sidecar: 'proxy' }
  const toServer = (pod: CapturePod): DesiredSocket | undefined =>
    planCapture({ pods: [pod, client], services: [service], ztunnels: new Map() }).find(
      ({ host }) => host === '127.9.128.1',
    )
  assert.deepEqual(toServer(meshed)?.owners, [
    {
      process: 'proxy',
      purpose: {
        listener: {
          id: 'out/c/shop/server/80',
          kind: 'inbound',
          workloadUid: 'mesh/server',
          port: 8080,
        },
      },
    },
  ])
  const bare: CapturePod = { ...server, dataplane: 'sidecar' }
  assert.deepEqual(toServer(bare)?.owners, [], 'fails closed while the sidecar is not there')
})
