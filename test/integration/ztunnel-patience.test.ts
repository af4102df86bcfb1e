import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { MeshState } from '../../proxies/config/mesh-state.ts'
import { ProxyError } from '../../proxies/errors.ts'
import { HbonePool } from '../../proxies/hbone/pool.ts'
import { createCredential } from '../../proxies/identity/certificates.ts'
import { type AmbientPair, startAmbientPair } from '../support/ambient-pair.ts'
import { startDeafListener } from '../support/deaf-listener.ts'
import { bindSocket, startProxy } from '../support/proxy-process.ts'

const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client'

let pair: AmbientPair
const app = createServer((socket) => socket.on('error', () => {}).pipe(socket))

before(async () => {
  pair = await startAmbientPair(232)
  app.listen(pair.app)
  await once(app, 'listening')
})
after(async () => {
  await pair.stop()
  app.close()
})

function state(workloads: MeshState['workloads']): MeshState {
  const ports = { 8000: 8080 }
  const hostname = 'server.shop.svc.cluster.local'
  return {
    workloads,
    services: [{ name: 'server', namespace: 'shop', hostname, vips: [`/${pair.vip}`], ports }],
    policies: [],
  }
}

describe('a ztunnel waits', () => {
  test('K31: for the record and the certificate of a new pod, and holds its first connection', async () => {
    const proxy = await startProxy('ztunnel')
    const socket = bindSocket('127.232.128.9', 8000)
    const common = {
      trustDomain: 'cluster.local',
      node: 'a',
      pod: { name: 'ztunnel-c', namespace: 'istio-system', ip: '127.232.1.60' },
    }
    const own = { uid: pair.client.uid, identity: CLIENT, appPorts: {} }
    const local = [{ ...own, mtlsMode: 'PERMISSIVE' }] as const
    try {
      await proxy.configure({
        ...common,
        version: 1,
        state: state([]),
        local: [],
        certificates: [],
      })
      await proxy.listen(pair.outbound, socket)
      const early = connect({ host: socket.host, port: socket.port })
      early.write('first words')
      await once(early, 'connect')
      await proxy.configure({
        ...common,
        version: 2,
        state: state([pair.client, pair.server]),
        local,
        certificates: [],
      })
      assert.equal(early.bytesRead, 0)
      assert.equal(early.closed, false)
      await proxy.configure({
        ...common,
        version: 3,
        state: state([pair.client, pair.server]),
        local,
        certificates: [await pair.authority.issue(CLIENT)],
      })
      assert.equal(String((await once(early, 'data'))[0]), 'first words')
      early.destroy()
    } finally {
      await proxy.stop()
      socket.close()
    }
  })

  test('K12: not for ever for a TCP connection, and suspects a NetworkPolicy', async (t) => {
    const deaf = await startDeafListener()
    t.after(() => deaf.close())
    const pool = new HbonePool({ connectTimeoutMs: 200 })
    const credential = createCredential(await pair.authority.issue(CLIENT))
    const target = { credential, expectedIdentities: [CLIENT], nextHop: deaf.address }
    await assert.rejects(pool.open(target, { authority: '127.0.0.9:80' }), (error) => {
      assert.ok(error instanceof ProxyError)
      assert.deepEqual([error.code, error.flag], ['CONNECT_TIMEOUT', 'NETWORK_POLICY'])
      assert.match(error.hint, /NetworkPolicy .*15008/)
      return true
    })
    pool.close()
  })
})

describe('a scraper', () => {
  const get = (headers: Readonly<Record<string, string>>): Promise<Response> => {
    const { host, port } = pair.source.admin.stats
    return fetch(`http://${host}:${port}/metrics`, { headers })
  }

  test('K37: gets OpenMetrics if it asks for it, and the text format otherwise', async () => {
    const open = await get({
      accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5',
    })
    assert.match(
      open.headers.get('content-type') ?? '',
      /^application\/openmetrics-text; version=1/,
    )
    assert.match(await open.text(), /# EOF\n$/)
    const text = await get({ accept: 'text/plain' })
    assert.match(text.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  })

  test('K37: gets gzip if it takes it', async () => {
    const packed = await get({ 'accept-encoding': 'gzip' })
    assert.equal(packed.headers.get('content-encoding'), 'gzip')
    assert.match(await packed.text(), /istio_build/)
    const plain = await get({ 'accept-encoding': 'gzip;q=0, identity' })
    assert.equal(plain.headers.get('content-encoding'), null)
    await plain.text()
  })

  test('K35: learns which version of which proxy answers', async () => {
    const build = (await pair.source.metrics()).find(({ name }) => name === 'istio_build')
    assert.equal(build?.labels.component, 'ztunnel')
    assert.match(build?.labels.tag ?? '', /^\d+\.\d+\.\d+/)
    assert.equal(build?.value, 1)
  })
})
