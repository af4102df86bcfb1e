import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import type { ClientConnection } from '../../proxies/http/client-connection.ts'
import { choose, type Upstream } from '../../proxies/http/cluster.ts'
import type { RequestHead } from '../../proxies/http/head.ts'
import { DEFAULT_LIMITS } from '../../proxies/http/limits.ts'
import { Pool } from '../../proxies/http/pool.ts'
import { backOffMs, isIdempotent } from '../../proxies/http/retry.ts'
import { Sweeper } from '../../proxies/http/sweeper.ts'
import { Tries } from '../../proxies/http/tries.ts'
import { sniffClientHello } from '../../proxies/sidecar/client-hello.ts'
import { encodeMetadata, ipOfNodeId, nodeId } from '../../proxies/sidecar/peer-metadata.ts'
import { workload } from '../support/sidecar-pair.ts'

const upstream = (address: string, active: number): Upstream => ({
  address,
  active,
  pool: undefined as unknown as Pool,
  http2: undefined as unknown as Pool,
  series: undefined,
})

test('the less busy of two upstreams is chosen', () => {
  const idle = upstream('idle', 0)
  const busy = upstream('busy', 5)
  for (let n = 0; n < 100; n++) assert.equal(choose([busy, idle], []), idle)
  assert.equal(choose([busy], []), busy)
  assert.equal(choose([], []), undefined)
})

test('equally busy upstreams share the requests', () => {
  const all = ['a', 'b', 'c'].map((name) => upstream(name, 0))
  const counts = new Map<Upstream | undefined, number>()
  for (let n = 0; n < 3_000; n++) {
    const chosen = choose(all, [])
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1)
  }
  for (const one of all) {
    const share = counts.get(one) ?? 0
    assert.ok(share > 800 && share < 1_200, `${one.address} got ${share} of 3000`)
  }
})

test('an upstream tried before is avoided while there is another', () => {
  const tried = upstream('tried', 0)
  const fresh = upstream('fresh', 0)
  for (let n = 0; n < 1_000; n++) assert.equal(choose([tried, fresh], [tried]), fresh)
  assert.equal(choose([tried], [tried]), tried)
})

test('another try goes to the endpoints of its own moment, not to those of the first', () => {
  const before = upstream('before', 0)
  const after = { ...upstream('after', 0), pool: {} as Pool }
  const cluster: { name: string; upstreams: Upstream[] } = { name: 'service', upstreams: [before] }
  const tries = new Tries()
  tries.to(cluster, { method: 'GET' } as RequestHead, { retries: 2, connectFailure: true })
  tries.next()
  assert.equal(tries.target, before)
  tries.leave()
  cluster.upstreams = [after]
  assert.equal(tries.next(), after.pool)
  tries.leave()
  assert.deepEqual([before.active, after.active], [0, 0])
})

test('back-off is jittered from nothing to 25, 75, 175, then 250 ms', () => {
  const longest = [1, 2, 3, 4, 9].map((retry) => backOffMs(retry, () => 1))
  assert.deepEqual(longest, [25, 75, 175, 250, 250])
  assert.equal(
    backOffMs(3, () => 0),
    0,
  )
  assert.equal(isIdempotent('GET'), true)
  assert.equal(isIdempotent('POST'), false)
})

test('a pool uses the last connection first, one request each, and forgets closed ones', async () => {
  const sockets: net.Socket[] = []
  const server = net.createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const pool = new Pool({
    limits: DEFAULT_LIMITS,
    sweeper: new Sweeper(),
    dial: async () => {
      const socket = net.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    },
  })
  const wait = (): Promise<ClientConnection> =>
    new Promise((resolve, connectFailed) =>
      pool.wait({
        connected: (connection) => resolve(connection as ClientConnection),
        connectFailed,
      }),
    )
  assert.equal(pool.take(), undefined)
  const [first, second] = await Promise.all([wait(), wait()])
  assert.ok(first && second && first !== second)
  assert.equal(pool.size, 2)
  assert.equal(pool.take(), undefined, 'both are busy')
  // A connection in the middle of a request cannot come back.
  first.begin(
    {
      responseInterim: () => {},
      responseHead: () => {},
      responseData: () => {},
      responseEnd: () => {},
      upstreamFailed: () => {},
      upstreamDrained: () => {},
      flushResponse: () => {},
    },
    { method: 'GET' } as RequestHead,
  )
  pool.release(first, performance.now())
  await once(first.socket, 'close')
  assert.equal(pool.size, 1)
  pool.destroy()
  await once(second.socket, 'close')
  assert.equal(pool.size, 0)
  for (const socket of sockets) socket.destroy()
  server.close()
})

test('a dial that fails tells the waiter', async () => {
  const pool = new Pool({
    limits: DEFAULT_LIMITS,
    sweeper: new Sweeper(),
    dial: () => Promise.reject(new Error('no route')),
  })
  await assert.rejects(
    new Promise((connected, connectFailed) => pool.wait({ connected, connectFailed })),
    /no route/,
  )
})

test('the protocols a TLS client offers are read from any whole hello, and only from one', async () => {
  const hello = await clientHello(['istio-http/1.1', 'istio', 'http/1.1'])
  assert.deepEqual(sniffClientHello(hello), {
    kind: 'tls',
    alpn: ['istio-http/1.1', 'istio', 'http/1.1'],
  })
  for (let end = 0; end < hello.length; end++) {
    assert.equal(sniffClientHello(hello.subarray(0, end)).kind, 'incomplete', `${end} bytes`)
  }
  for (let at = 5; at < hello.length; at++) {
    const broken = Buffer.from(hello)
    broken[at] = 0xff
    assert.notEqual(sniffClientHello(broken).kind, 'incomplete')
  }
  assert.equal(sniffClientHello(Buffer.from('GET / HTTP/1.1')).kind, 'plaintext')
})

async function clientHello(ALPNProtocols: string[]): Promise<Buffer> {
  const { connect } = await import('node:tls')
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({ port: (server.address() as net.AddressInfo).port, ALPNProtocols })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [net.Socket]
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return bytes
}

test('peer metadata is a protobuf Struct and names the pod', () => {
  const pod = workload('client', '10.0.0.7')
  assert.equal(nodeId(pod), 'sidecar~10.0.0.7~client.shop~shop.svc.cluster.local')
  assert.equal(ipOfNodeId(nodeId(pod)), '10.0.0.7')
  const bytes = Buffer.from(encodeMetadata(pod), 'base64')
  // fields = 1, entry { key = 1 "CLUSTER_ID", value = 2 { string_value = 3 "Kubernetes" } }
  assert.deepEqual(
    bytes.subarray(0, 28),
    Buffer.concat([
      Buffer.from([0x0a, 26, 0x0a, 10]),
      Buffer.from('CLUSTER_ID'),
      Buffer.from([0x12, 12, 0x1a, 10]),
      Buffer.from('Kubernetes'),
    ]),
  )
})
