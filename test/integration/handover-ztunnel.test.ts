import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { HBONE_PORT } from '../../proxies/hbone/settings.ts'
import { createCredential } from '../../proxies/identity/certificates.ts'
import { connectMtls } from '../../proxies/identity/client.ts'
import { type AmbientPair, startAmbientPair } from '../support/ambient-pair.ts'
import { startTraffic, type Traffic, type TrafficOptions } from '../support/traffic.ts'

const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client'
const SERVER = 'spiffe://cluster.local/ns/shop/sa/server'
/** About half a second of traffic. */
const SOME = 400

let pair: AmbientPair
let app: Server
let direct: Server[]
let traffic: Traffic

beforeEach(async () => {
  pair = await startAmbientPair(233, { env: { CONNECTION_TERMINATION_DEADLINE: '20s' } })
  app = createServer({ allowHalfOpen: true }, serve).listen(pair.app)
  direct = []
  await once(app, 'listening')
})
afterEach(async () => {
  await traffic.stop()
  await pair.stop()
  for (const server of [app, ...direct]) server.close()
})

function serve(socket: Socket): void {
  socket.on('error', () => {}).pipe(socket)
}

async function begin(options?: TrafficOptions): Promise<void> {
  traffic = startTraffic(pair.capture, options)
  await traffic.progress(SOME)
}

async function unharmed(): Promise<void> {
  await traffic.progress(SOME)
  await traffic.stop()
  assert.deepEqual(traffic.failures, [])
}

/** The application itself accepts on a captured socket, as it does outside the mesh. */
async function serveDirectly(handle: unknown): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, serve).listen(handle)
  await once(server, 'listening')
  direct.push(server)
  return server
}

describe('under traffic on kept and on fresh connections no request fails while', () => {
  for (const side of ['source', 'destination'] as const) {
    test(`K32: the ztunnel of the ${side} is replaced by a new process`, async () => {
      await begin({ requestsPerConnection: 20 })
      const old = await pair.replace(side)
      const exited = once(old.child, 'exit')
      await unharmed()
      assert.deepEqual(await exited, [0, null])
    })
  }

  test('certificates rotate: tunnels go on and new ones show the new leaf', async () => {
    const leaf = async (): Promise<string | undefined> => {
      const socket = await connectMtls({
        address: { host: pair.server.workloadIps[0] as string, port: HBONE_PORT },
        credential: createCredential(await pair.authority.issue(CLIENT)),
        expectedIdentities: [SERVER],
        alpn: ['h2'],
      })
      const { serialNumber } = socket.getPeerX509Certificate() ?? {}
      socket.destroy()
      return serialNumber
    }
    await begin()
    const before = await leaf()
    for (let rotation = 0; rotation < 3; rotation += 1) {
      await pair.update({})
      await traffic.progress(SOME / 4)
    }
    assert.notEqual(await leaf(), before)
    // With the tunnels closed gently even busy sources make new ones, each with its new certificate.
    await pair.destination.unlisten('hbone', 60_000)
    await pair.giveTunnelsBack()
    await unharmed()
  })

  test('the server pod leaves ambient and comes back', async () => {
    await begin()
    const { hbone, inbound } = pair.sockets
    const plain = await serveDirectly(inbound.handle)
    await pair.update({ server: { protocol: 'TCP' } })
    await pair.destination.unlisten('inbound', 60_000)
    await pair.destination.unlisten('hbone', 60_000)
    await traffic.progress(SOME)
    const workloadUid = pair.server.uid
    await pair.destination.listen({ id: 'hbone', kind: 'hbone', workloadUid }, hbone)
    const back = { id: 'inbound', kind: 'inbound', workloadUid, port: 8080 } as const
    await pair.destination.listen(back, inbound)
    await pair.update({})
    plain.close()
    await unharmed()
  })

  test('the client pod leaves ambient and comes back', async () => {
    await begin()
    const { outbound } = pair.sockets
    const plain = await serveDirectly(outbound.handle)
    await pair.source.unlisten('outbound', 60_000)
    await traffic.progress(SOME)
    await pair.source.listen(pair.outbound, outbound)
    plain.close()
    await unharmed()
  })
})
