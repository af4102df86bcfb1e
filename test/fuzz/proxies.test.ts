import assert from 'node:assert/strict'
import http from 'node:http'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { SocketAddress } from '../../proxies/config/process.ts'
import type { Path } from '../contract/path.ts'
import { request } from '../contract/requests.ts'
import {
  deliver,
  isValidStart,
  mangledBytes,
  mangledHttp1,
  mangledHttp2,
  noise,
  type Random,
  randomFrom,
} from '../support/fuzz.ts'
import { watchGrowth } from '../support/growth.ts'
import { listenLocal, startSidecarPair } from '../support/sidecar-pair.ts'
import { startWaypointPath } from '../support/waypoint-path.ts'

/** `npm run fuzz` sets 10,000 per proxy; the suite makes do with a sample. */
const CASES = Number(process.env.FUZZ_CASES ?? 400)
const SEED = Number(process.env.FUZZ_SEED ?? 1)
const AT_ONCE = 25

interface Target {
  readonly path: Pick<Path, 'proxies' | 'address'>
  /** Every address of a proxy that strangers can reach. */
  readonly doors: readonly SocketAddress[]
  stop(): Promise<void>
}

const targets: Readonly<Record<string, (app: SocketAddress) => Promise<Target>>> = {
  sidecars: async (app) => {
    const { address, inbound, client, server, stop } = await startSidecarPair({ app })
    const path = { address: plain(address), proxies: [client, server] }
    return { path, doors: [address, inbound], stop }
  },
  'waypoint and ztunnels': async (app) => {
    const path = await startWaypointPath(app)
    const { address, gateway, source, waypoint, destination, stop } = path
    const proxies = [source, waypoint, destination]
    return { path: { address: plain(address), proxies }, doors: [address, gateway], stop }
  },
}

for (const [name, start] of Object.entries(targets)) {
  describe(`mangled bytes against ${name}`, () => {
    const refused: string[] = []
    const server = strictServer(refused)
    const sockets = new Set<Socket>()
    let target: Target
    before(async () => {
      server.on('connection', (socket: Socket) => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
      })
      target = await start(await listenLocal(server))
    })
    after(async () => {
      await target?.stop()
      server.close()
      for (const socket of sockets) socket.destroy()
    })

    test(`${CASES} cases: nobody crashes, hangs or grows, and nothing invalid is passed on`, async (t) => {
      const random = randomFrom(SEED)
      const run = async (cases: number): Promise<void> => {
        for (let n = 0; n < cases; n += AT_ONCE) {
          await Promise.all(
            Array.from({ length: AT_ONCE }, (_, k) => {
              const door = target.doors[(n + k) % target.doors.length] as SocketAddress
              return deliver(door, anyCase(random), random)
            }),
          )
        }
      }
      // Caches and pools fill, and those whom keep-alive has to find out gather.
      await run(CASES / 2)
      const growth = await watchGrowth(target.path.proxies)
      await run(CASES / 2)
      const { status } = await request(target.path.address, '/alive')
      assert.equal(status, 200)
      assert.deepEqual(refused, [], 'node understands every message that was passed on')
      t.diagnostic(await growth.assertNone())
    })
  })
}

function anyCase(random: Random): Buffer {
  const choice = random()
  if (choice < 0.5) return mangledHttp1(random)
  if (choice < 0.75) return mangledHttp2(random)
  return choice < 0.9 ? mangledBytes(random, HELLO) : noise(random)
}

/** A TLS 1.3 ClientHello up to its cipher suites, with an extension for ALPN h2. */
const HELLO = Buffer.from(
  `160301005601000052${'03'.repeat(34)}20${'ab'.repeat(32)}0004130113020100000b001000050003026832`,
  'hex',
)

/** Counts what a parser that is not ours takes for no HTTP. */
function strictServer(refused: string[]): http.Server {
  const server = http.createServer((incoming, response) => {
    incoming.resume()
    response.end('ok')
  })
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {})
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
    const packet = error.rawPacket?.toString('latin1') ?? ''
    // Node knows a list of methods; any other token is a method too (RFC 9110 section 9.1).
    const ownMethod = error.code === 'HPE_INVALID_METHOD' && isValidStart(packet)
    const cutShort = error.code === 'HPE_INVALID_EOF_STATE'
    // A client's HTTP/2 is kept; this server has none.
    const http2 = packet.startsWith('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    // PERMISSIVE passes TLS that is not the mesh's on: it may be the application's own.
    const ownTls = packet.startsWith('\x16\x03')
    if (error.code?.startsWith('HPE') && !ownMethod && !cutShort && !http2 && !ownTls) {
      refused.push(`${error.code} ${packet.slice(0, 500)}`)
    }
    socket.destroy()
  })
  return server
}

function plain({ host, port }: SocketAddress): SocketAddress {
  return { host, port }
}
