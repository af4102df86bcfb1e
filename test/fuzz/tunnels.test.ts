import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { HBONE_PORT } from '../../proxies/hbone/settings.ts'
import { request } from '../contract/requests.ts'
import { startAmbientPair } from '../support/ambient-pair.ts'
import { endProcessAfterTests } from '../support/end-process.ts'
import { deliver, mangledHttp1, mangledHttp2, type Random, randomFrom } from '../support/fuzz.ts'
import {
  deliverSlowly,
  deliverTls,
  mangledHbone,
  meshClient,
  recordHello,
  tlsJunk,
} from '../support/fuzz-tunnels.ts'
import { watchGrowth } from '../support/growth.ts'
import { behaviours, startHostileServer } from '../support/hostile-hbone.ts'
import { bindSocket, type ProxyProcess } from '../support/proxy-process.ts'
import {
  CLIENT_ID,
  listenLocal,
  SERVER_ID,
  SERVER_IP,
  startSidecarPair,
} from '../support/sidecar-pair.ts'
import { startWaypointPath } from '../support/waypoint-path.ts'

/** `npm run fuzz` sets 10,000 per proxy; the suite makes do with a sample. */
const CASES = Number(process.env.FUZZ_CASES ?? 150)
const SEED = Number(process.env.FUZZ_SEED ?? 1)
const AT_ONCE = 25
const HOSTILE_PORT = 25_008

interface Target {
  readonly proxies: readonly ProxyProcess[]
  attack(random: Random): Promise<void>
  /** An honest request, after all the others. */
  ask(): Promise<number>
  stop(): Promise<void>
}

type Start = (app: SocketAddress) => Promise<Target>

/** Strangers and peers of the mesh at port 15008: junk before TLS is up, mangled frames inside it. */
async function tunnelAttack(
  door: SocketAddress,
  authority: string,
  client: ReturnType<typeof meshClient>,
): Promise<Target['attack']> {
  const hello = await recordHello(['h2'])
  return (random) => {
    const choice = random()
    if (choice < 0.6)
      return deliverTls(door, client, ['h2'], mangledHbone(random, authority), random)
    if (choice < 0.9) return deliver(door, tlsJunk(random, hello), random)
    return deliverSlowly(door, hello, random)
  }
}

const anyBehaviour = (random: Random) => {
  const list = Object.values(behaviours)
  return list[Math.floor(random() * list.length)] ?? behaviours['closes at once']
}

const targets: Readonly<Record<string, Start>> = {
  'a ztunnel, by its clients': async (app) => {
    const pair = await startAmbientPair(237, { app })
    const door = { host: '127.237.1.2', port: HBONE_PORT }
    const client = meshClient(await pair.authority.issue(CLIENT_ID))
    return {
      proxies: [pair.destination],
      attack: await tunnelAttack(door, '127.237.1.2:8080', client),
      ask: async () => (await request(pair.capture, '/alive')).status,
      stop: pair.stop,
    }
  },
  'a ztunnel, by the server it dials': async (app) => {
    const pair = await startAmbientPair(238, { app, hbonePort: HOSTILE_PORT })
    const random = randomFrom(SEED)
    const hostile = await startHostileServer(
      await pair.authority.issue(SERVER_ID),
      () => anyBehaviour(random),
      '127.238.1.2',
      HOSTILE_PORT,
    )
    return {
      proxies: [pair.source],
      attack: (random) => deliver(pair.capture, mangledHttp1(random), random, 100),
      ask: async () => {
        await pair.update({ server: { hbonePort: HBONE_PORT } })
        return (await request(pair.capture, '/alive')).status
      },
      stop: async () => {
        hostile.close()
        await pair.stop()
      },
    }
  },
  'a waypoint, by its clients': async (app) => {
    const path = await startWaypointPath(app)
    const client = meshClient(await path.authority.issue(CLIENT_ID))
    return {
      proxies: [path.waypoint],
      attack: await tunnelAttack(path.gateway, `${path.vip}:80`, client),
      ask: async () => (await request(plain(path.address), '/alive')).status,
      stop: path.stop,
    }
  },
  'a waypoint, by the server it dials': async (app) => {
    const path = await startWaypointPath(app)
    const random = randomFrom(SEED)
    const hostile = await startHostileServer(
      await path.authority.issue(SERVER_ID),
      () => anyBehaviour(random),
      '127.78.1.2',
    )
    await path.changeEndpoints((server) => [{ ...server, hbonePort: hostile.address.port }])
    return {
      proxies: [path.source, path.waypoint],
      attack: (random) => deliver(plain(path.address), mangledHttp1(random), random, 100),
      ask: async () => {
        await path.changeEndpoints((server) => [server])
        return (await request(plain(path.address), '/alive')).status
      },
      stop: async () => {
        hostile.close()
        await path.stop()
      },
    }
  },
  'a sidecar, by the tunnels of its clients': async (app) => {
    const pair = await startSidecarPair({ app })
    const door = bindSocket(SERVER_IP)
    const workloadUid = 'Kubernetes//Pod/shop/server'
    await pair.server.listen({ id: 'hbone', kind: 'hbone', workloadUid }, door)
    const client = meshClient(await pair.authority.issue(CLIENT_ID))
    return {
      proxies: [pair.server],
      attack: await tunnelAttack(plain(door), `${SERVER_IP}:${pair.inbound.port}`, client),
      ask: async () => (await request(plain(pair.address), '/alive')).status,
      stop: async () => {
        door.close()
        await pair.stop()
      },
    }
  },
  'a sidecar, by the sidecars of its clients': async (app) => {
    const pair = await startSidecarPair({ app })
    const client = meshClient(await pair.authority.issue(CLIENT_ID))
    const hello = await recordHello(['istio-http/1.1', 'istio', 'http/1.1'])
    return {
      proxies: [pair.server],
      attack: (random) => {
        const choice = random()
        const door = plain(pair.inbound)
        if (choice < 0.35) {
          return deliverTls(door, client, ['istio-h2', 'istio', 'h2'], mangledHttp2(random), random)
        }
        if (choice < 0.7) {
          const alpn = ['istio-http/1.1', 'istio', 'http/1.1']
          return deliverTls(door, client, alpn, mangledHttp1(random), random)
        }
        if (choice < 0.9) return deliver(door, tlsJunk(random, hello), random)
        return deliverSlowly(door, hello, random)
      },
      ask: async () => (await request(plain(pair.address), '/alive')).status,
      stop: pair.stop,
    }
  },
}

for (const [whom, start] of Object.entries(targets)) {
  describe(`attacks on ${whom}`, () => {
    const sockets = new Set<Socket>()
    let server: Server
    let target: Target
    before(async () => {
      server = createServer((incoming, response) => {
        incoming.resume()
        response.end('ok')
      })
      server.on('clientError', (_error, socket) => socket.destroy())
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

    test(`${CASES} cases: it does not crash, hang or grow, and serves on`, async (t) => {
      const random = randomFrom(SEED)
      const run = async (cases: number): Promise<void> => {
        for (let n = 0; n < cases; n += AT_ONCE) {
          await Promise.all(Array.from({ length: AT_ONCE }, () => target.attack(random)))
        }
      }
      // Caches and pools fill, and those whom keep-alive has to find out gather.
      await run(CASES / 2)
      const growth = await watchGrowth(target.proxies)
      await run(CASES / 2)
      assert.equal(await target.ask(), 200)
      t.diagnostic(await growth.assertNone())
    })
  })
}

endProcessAfterTests()

/** Without the handle of its socket, which node's `connect` would take for one to connect with. */
function plain({ host, port }: SocketAddress): SocketAddress {
  return { host, port }
}
