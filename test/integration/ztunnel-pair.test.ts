import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { AuthorizationPolicy } from '../../proxies/config/mesh-state.ts'
import { type AmbientPair, startAmbientPair } from '../support/ambient-pair.ts'
import { createTestAuthority } from '../support/certificates.ts'
import { endProcessAfterTests } from '../support/end-process.ts'
import { total } from '../support/proxy-process.ts'

endProcessAfterTests()

const RELAY_PORT = 25_008
const SECRET = 'the-body-nobody-on-the-wire-may-read'

let pair: AmbientPair
let app: Server
let relay: Server
/** Everything that crossed the wire between the two nodes. */
let wire: Buffer[] = []
let wireConnections = 0
let onApp: (socket: Socket) => void
const appSockets = new Set<Socket>()

before(async () => {
  pair = await startAmbientPair(241, { hbonePort: RELAY_PORT })
  const podIp = pair.server.workloadIps[0] as string
  app = createServer({ allowHalfOpen: true }, (socket) => {
    appSockets.add(socket)
    socket.on('error', () => {}).on('close', () => appSockets.delete(socket))
    onApp(socket)
  }).listen(pair.app)
  relay = createServer({ allowHalfOpen: true }, (inner) => {
    wireConnections += 1
    const outer = connect({
      host: podIp,
      port: 15_008,
      localAddress: pair.client.workloadIps[0] as string,
      allowHalfOpen: true,
    })
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      from.on('data', (chunk) => {
        if (wire.length < 1_000) wire.push(chunk)
        if (!to.write(chunk)) from.pause()
      })
      to.on('drain', () => from.resume())
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroySoon())
    }
  }).listen(RELAY_PORT, podIp)
  await Promise.all([once(app, 'listening'), once(relay, 'listening')])
})
after(async () => {
  await pair.stop()
  app.close()
  relay.close()
})
beforeEach(() => {
  wire = []
  onApp = (socket) => socket.pipe(socket)
})

function dial(options: { readonly allowHalfOpen?: boolean } = {}): Socket {
  return connect({ ...pair.capture, ...options }).on('error', () => {})
}

async function exchange(message: string): Promise<string> {
  const socket = dial({ allowHalfOpen: true })
  socket.end(message)
  return readAll(socket)
}

/** Bytes an application gets before its connection ends; it must see an end, not silence. */
async function bytesUntilClose(socket: Socket): Promise<number> {
  let bytes = 0
  socket.on('data', (chunk) => {
    bytes += chunk.length
  })
  await new Promise((resolve) => socket.once('close', resolve))
  return bytes
}

/** Until the other side has finished sending; unlike node's own consumers it leaves the socket open. */
function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.once('end', () => resolve(text)).once('close', () => resolve(text))
  })
}

const denyAll: AuthorizationPolicy = {
  name: 'deny-client',
  namespace: 'shop',
  scope: 'Namespace',
  action: 'Deny',
  rules: [[[{ principals: [{ Exact: 'cluster.local/ns/shop/sa/client' }] }]]],
}

describe('a pair of ztunnels', () => {
  test('an echo crosses both and its body is not readable in between', async () => {
    assert.equal(await exchange(SECRET), SECRET)
    const seen = Buffer.concat(wire)
    assert.ok(seen.length > 2 * SECRET.length, `${seen.length} bytes on the wire`)
    assert.ok(!seen.includes(SECRET))
    assert.ok(!seen.includes('CONNECT'))
  })

  test('connections share one tunnel', async () => {
    await exchange('first')
    const before = wireConnections
    await Promise.all(Array.from({ length: 20 }, (_, index) => exchange(`message ${index}`)))
    assert.equal(wireConnections, before)
  })

  test('a server that speaks first is heard', async () => {
    onApp = (socket) => void socket.resume().end('220 ready')
    assert.equal(await readAll(dial()), '220 ready')
  })

  test('K18: after the client has finished sending it still gets the whole answer', async () => {
    onApp = (socket) => {
      void readAll(socket).then((question) => socket.end(`${question}: answer`))
    }
    assert.equal(await exchange('question'), 'question: answer')
  })

  test('K18: after the server has finished sending it still gets the rest of the request', async () => {
    const heard = new Promise<string>((resolve) => {
      onApp = (socket) => {
        socket.end('go on')
        resolve(readAll(socket))
      }
    })
    const socket = dial({ allowHalfOpen: true })
    const answer = await readAll(socket)
    assert.equal(answer, 'go on')
    socket.end('late words')
    assert.equal(await heard, 'late words')
  })

  test('a reset by the server ends the connection of the client', async () => {
    onApp = (socket) => void socket.once('data', () => socket.resetAndDestroy())
    const socket = dial()
    socket.write('hello')
    assert.equal(await bytesUntilClose(socket), 0)
  })

  test('a reset by the client ends the connection of the server', async () => {
    const closed = new Promise<void>((resolve) => {
      onApp = (socket) => {
        socket.on('data', () => {}).on('end', () => socket.end())
        socket.once('close', () => resolve())
      }
    })
    const socket = dial()
    socket.write('hello')
    await new Promise((resolve) => app.once('connection', resolve))
    socket.resetAndDestroy()
    await closed
  })

  test('64 MiB pass unchanged through a slow reader while the proxies stay small', async () => {
    const chunk = Buffer.alloc(256 * 1024, 'x')
    const chunks = 256
    onApp = (socket) => {
      let left = chunks
      socket.resume()
      const write = (): void => {
        while (left > 0) {
          left -= 1
          if (!socket.write(chunk)) {
            socket.once('drain', write)
            return
          }
        }
        socket.end()
      }
      write()
    }
    const socket = dial({ allowHalfOpen: true })
    let received = 0
    for await (const data of socket) {
      received += (data as Buffer).length
      if (received % (1024 * 1024) < 1024) await new Promise(setImmediate)
    }
    assert.equal(received, chunk.length * chunks)
    // From node 22 on, reading to the end leaves the sending half as it is.
    socket.destroy()
    for (const { child } of [pair.source, pair.destination]) {
      const rssMib = await residentMib(child.pid as number)
      assert.ok(rssMib < 200, `${rssMib} MiB`)
    }
  })

  test('an application that does not listen gives its caller an ended connection', async () => {
    const closed = once(app.close(), 'close')
    for (const socket of appSockets) socket.destroy()
    await closed
    try {
      const socket = dial()
      socket.write('anybody?')
      assert.equal(await bytesUntilClose(socket), 0)
      await pair.source.logged(/http status: 503/)
      await pair.destination.logged(/connection refused/)
    } finally {
      app.listen(pair.app)
      await once(app, 'listening')
    }
    assert.equal(await exchange('back again'), 'back again')
  })

  test('K35: both reporters count the same connections and bytes', async () => {
    const totals = async (name: string) =>
      Promise.all(
        [pair.source, pair.destination].map(async ({ metrics }) =>
          total(await metrics(), name, { connection_security_policy: 'mutual_tls' }),
        ),
      )
    onApp = (socket) => {
      socket.on('data', (chunk) => socket.write(Buffer.concat([chunk, chunk])))
      socket.on('end', () => socket.end())
    }
    const received = await totals('istio_tcp_received_bytes_total')
    const sent = await totals('istio_tcp_sent_bytes_total')
    await exchange('x'.repeat(1_000))
    assert.deepEqual(
      await totals('istio_tcp_received_bytes_total'),
      received.map((bytes) => bytes + 1_000),
    )
    assert.deepEqual(
      await totals('istio_tcp_sent_bytes_total'),
      sent.map((bytes) => bytes + 2_000),
    )
    const [opened] = await pair.destination
      .metrics()
      .then((series) => series.filter(({ name }) => name === 'istio_tcp_connections_opened_total'))
    assert.equal(opened?.labels.source_principal, 'spiffe://cluster.local/ns/shop/sa/client')
    assert.equal(opened?.labels.source_workload, 'client')
    assert.equal(opened?.labels.destination_workload, 'server')
    assert.equal(opened?.labels.destination_service, 'server.shop.svc.cluster.local')
  })

  test('K28: a policy that forbids a live connection closes it and only it', async () => {
    const open = dial()
    open.write('one')
    await once(open, 'data')
    await pair.update({ state: { policies: [{ ...denyAll, namespace: 'elsewhere' }] } })
    open.write('two')
    assert.equal(String((await once(open, 'data'))[0]), 'two')
    const closed = bytesUntilClose(open)
    await pair.update({ state: { policies: [denyAll] } })
    assert.equal(await closed, 0)
    await pair.destination.logged(/connection closed due to policy change/)

    const refused = dial()
    refused.write('three')
    assert.equal(await bytesUntilClose(refused), 0)
    await pair.source.logged(/http status: 401/)
    const denied = total(await pair.destination.metrics(), 'istio_tcp_connections_failed_total', {
      response_flags: 'DENY',
    })
    assert.equal(denied, 2)
    await pair.update({})
    assert.equal(await exchange('allowed again'), 'allowed again')
  })

  test('K27: STRICT closes plaintext without a byte and leaves tunnels alone', async () => {
    const plain = () => connect({ host: pair.server.workloadIps[0] as string, port: 8080 })
    const permissive = plain()
    permissive.write('plain')
    assert.equal(String((await once(permissive, 'data'))[0]), 'plain')
    const closed = bytesUntilClose(permissive)
    await pair.update({ mtlsMode: 'STRICT' })
    assert.equal(await closed, 0)
    const refused = plain().on('error', () => {})
    refused.write('plain')
    assert.equal(await bytesUntilClose(refused), 0)
    assert.equal(await exchange('tunnelled'), 'tunnelled')
    await pair.update({})
  })
})

describe('a destination that is not who it should be', () => {
  const refused = async (): Promise<void> => {
    wire = []
    const applicationSeen = appSockets.size
    const socket = dial()
    socket.write(SECRET)
    assert.equal(await bytesUntilClose(socket), 0)
    assert.equal(appSockets.size, applicationSeen)
    assert.ok(!Buffer.concat(wire).includes(SECRET), 'no fallback to plaintext')
  }
  /** The first may still go into a tunnel whose end the source has not heard of. */
  const refusedBecause = async (reason: RegExp): Promise<void> => {
    await refused()
    if (!reason.test(pair.source.stderr())) await refused()
    await pair.source.logged(reason)
  }
  test('K2: one of another identity is refused', async () => {
    await pair.update({ serverIdentity: 'spiffe://cluster.local/ns/shop/sa/impostor' })
    await pair.dropTunnels()
    await refusedBecause(/PEER_IDENTITY/)
  })

  test('K2: one of another trust domain is refused', async () => {
    await pair.update({ serverIdentity: 'spiffe://other.example/ns/shop/sa/server' })
    await pair.dropTunnels()
    await refusedBecause(/other\.example/)
  })

  test('K2: one of another authority is refused', async () => {
    await pair.update({ serverAuthority: await createTestAuthority('stranger') })
    await pair.dropTunnels()
    await refusedBecause(/PEER_UNTRUSTED/)
  })

  test('is reached again once it is itself', async () => {
    await pair.update({})
    await pair.dropTunnels()
    assert.equal(await exchange('hello'), 'hello')
  })
})

async function residentMib(pid: number): Promise<number> {
  const { readFile } = await import('node:fs/promises')
  if (process.platform !== 'linux') return 0
  const match = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1]) / 1024
}
