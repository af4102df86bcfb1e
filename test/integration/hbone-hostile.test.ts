import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { ProxyError } from '../../proxies/errors.ts'
import { HbonePool, type TunnelTarget } from '../../proxies/hbone/pool.ts'
import {
  CertificateStore,
  type Credential,
  createCredential,
} from '../../proxies/identity/certificates.ts'
import { createMtlsAcceptor, MAX_HANDSHAKES } from '../../proxies/identity/server.ts'
import { Listeners } from '../../proxies/process/listeners.ts'
import { createTestAuthority, type TestAuthority } from '../support/certificates.ts'
import {
  type Behaviour,
  behaviours,
  type HostileServer,
  startHostileServer,
} from '../support/hostile-hbone.ts'

const SERVER = 'spiffe://cluster.local/ns/shop/sa/server'
const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client'

let authority: TestAuthority
let client: Credential
let server: HostileServer
let behaviour: Behaviour
before(async () => {
  authority = await createTestAuthority()
  client = createCredential(await authority.issue(CLIENT))
  server = await startHostileServer(await authority.issue(SERVER), () => behaviour)
})
after(() => server.close())

const request = { authority: '127.0.0.9:8080' }

function target(): TunnelTarget {
  return { credential: client, expectedIdentities: [SERVER], nextHop: server.address }
}

for (const what of [
  'says GOAWAY at once',
  'says GOAWAY at once and closes',
  'closes at once',
  'refuses every stream',
  'floods with SETTINGS',
] as const) {
  test(`a peer that ${what} is dialled a few times, then the caller gets an error`, async () => {
    behaviour = behaviours[what]
    const pool = new HbonePool()
    const before = server.accepted
    await assert.rejects(pool.open(target(), request), (error) =>
      error instanceof ProxyError
        ? error.code === 'TUNNEL_REFUSED'
        : (error as Error).name === 'StreamUnprocessed',
    )
    const dials = server.accepted - before
    assert.ok(dials >= 1 && dials <= 6, `${dials} dials`)
    pool.close()
  })
}

test('callers at once share the few dials that such a peer is worth', async () => {
  behaviour = behaviours['says GOAWAY at once']
  const pool = new HbonePool()
  const before = server.accepted
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, () => pool.open(target(), request)),
  )
  assert.ok(results.every(({ status }) => status === 'rejected'))
  const dials = server.accepted - before
  assert.ok(dials <= 12, `${dials} dials for 50 callers`)
  pool.close()
})

test('a CONNECT that is never answered fails after 20 s', async (t) => {
  behaviour = behaviours['never answers CONNECT']
  const pool = new HbonePool()
  // The tunnel first: its dial has a timeout of its own.
  const first = new AbortController()
  const given = pool.open(target(), request, first.signal)
  while (pool.size === 0) await new Promise(setImmediate)
  first.abort(new Error('enough'))
  await assert.rejects(given, /enough/)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const failed = assert.rejects(pool.open(target(), request), /no answer to CONNECT in time/)
  await new Promise(setImmediate)
  t.mock.timers.tick(19_999)
  await new Promise(setImmediate)
  t.mock.timers.tick(1)
  await failed
  t.mock.timers.reset()
  pool.close()
})

test('many dials under way at once cause no warning about listeners', async () => {
  behaviour = behaviours['never answers CONNECT']
  const warnings: Error[] = []
  const note = (warning: Error): void => void warnings.push(warning)
  process.on('warning', note)
  const pool = new HbonePool()
  const dials = Array.from({ length: 20 }, async (_, n) => {
    const { host, port } = server.address
    const expectedIdentities = [SERVER, `${SERVER}-${n}`]
    await pool.open({ credential: client, expectedIdentities, nextHop: { host, port } }, request)
  })
  while (pool.size < 20) await new Promise(setImmediate)
  pool.close()
  await Promise.allSettled(dials)
  process.off('warning', note)
  assert.deepEqual(warnings, [])
})

interface Gate {
  readonly sockets: Set<Socket>
  readonly refusals: ProxyError[]
  dial(): Socket
}

async function startGate(): Promise<Gate> {
  const store = new CertificateStore()
  store.replace([await authority.issue(SERVER)])
  const sockets = new Set<Socket>()
  const refusals: ProxyError[] = []
  const accept = createMtlsAcceptor({
    store,
    identity: SERVER,
    alpn: ['h2'],
    onSecure: () => assert.fail('nobody finishes'),
    onRefused: (error) => refusals.push(error),
  })
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    accept(socket)
  })
  listener.listen(0, '127.0.0.1').unref()
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  return {
    sockets,
    refusals,
    dial: () => net.connect(port, '127.0.0.1').on('error', () => {}),
  }
}

/** The first half of a ClientHello. */
const HALF_HELLO = Buffer.from(`160301005601000052${'03'.repeat(34)}20`, 'hex')

test('a client that leaves in the middle of its handshake leaves nothing behind', async () => {
  const gate = await startGate()
  const clients = Array.from({ length: 20 }, () => gate.dial())
  for (const socket of clients) socket.write(HALF_HELLO)
  while (gate.sockets.size < 20) await new Promise(setImmediate)
  for (const socket of clients) socket.end()
  // Far less than the 10 s of a handshake that is still expected to go on.
  const startedAt = Date.now()
  while (gate.sockets.size > 0) await new Promise(setImmediate)
  assert.ok(Date.now() - startedAt < 8_000)
  assert.equal(gate.refusals.length, 20)
  assert.ok(gate.refusals.every(({ code }) => code === 'TLS_HANDSHAKE'))
})

test('of more handshakes than are allowed at once the oldest has to go', async () => {
  const gate = await startGate()
  const clients: Socket[] = []
  for (let n = 0; n < MAX_HANDSHAKES + 8; n++) {
    const socket = gate.dial()
    clients.push(socket)
    await once(socket, 'connect')
  }
  const oldest = clients.slice(0, 8)
  await Promise.all(oldest.map((socket) => socket.destroyed || once(socket, 'close')))
  while (gate.sockets.size > MAX_HANDSHAKES) await new Promise(setImmediate)
  assert.ok(clients.slice(8).every(({ destroyed }) => !destroyed))
  for (const socket of clients) socket.destroy()
})

test('one connection too many is closed unheard, and there is room again when one ends', async () => {
  const listeners = new Listeners(3)
  const heard: Socket[] = []
  const ports: number[] = []
  for (const id of ['a', 'b']) {
    const probe = net.createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as AddressInfo
    probe.close()
    await once(probe, 'close')
    ports.push(port)
    const listener = { id, kind: 'inbound', workloadUid: 'x', port } as const
    await listeners.open(id, listener, { address: { host: '127.0.0.1', port } }, (socket) => {
      heard.push(socket)
      socket.on('error', () => {})
    })
  }
  const dial = (n: number): Socket =>
    net.connect(ports[n % 2] as number, '127.0.0.1').on('error', () => {})
  const kept = [dial(0), dial(1), dial(0)]
  while (heard.length < 3) await new Promise(setImmediate)
  await new Promise((resolve) => dial(1).once('close', resolve))
  assert.equal(heard.length, 3)
  kept[0]?.destroy()
  heard[0]?.destroy()
  await once(heard[0] as Socket, 'close')
  const next = dial(1)
  while (heard.length < 4) await new Promise(setImmediate)
  for (const socket of [...kept, next, ...heard]) socket.destroy()
  await listeners.drain(0)
})
