import assert from 'node:assert/strict'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import type { TrafficPolicy } from '../../proxies/config/l7.ts'
import type { Workload } from '../../proxies/config/mesh-state.ts'
import { startDeafListener } from '../support/deaf-listener.ts'
import { total } from '../support/proxy-process.ts'
import { exchangeRaw, type RawClient, rawClient } from '../support/raw-client.ts'
import {
  listenLocal,
  SERVICE_KEY,
  SERVICE_PORT,
  type SidecarPair,
  startSidecarPair,
  workload,
} from '../support/sidecar-pair.ts'

const GREETING = /^welcome\n$/
const CLOSED = 'istio_tcp_connections_closed_total'

/** Greets whoever comes, and counts who is there. */
async function greeter(t: TestContext) {
  const open = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    open.add(socket)
    socket.write('welcome\n')
  })
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return { address: await listenLocal(server), open }
}

/** An endpoint without sidecar. */
function plainEndpoint(name: string, { host, port }: { host: string; port: number }): Workload {
  return workload(name, host, { services: { [SERVICE_KEY]: { [SERVICE_PORT]: port } } })
}

async function deadAddress() {
  const server = net.createServer()
  const address = await listenLocal(server)
  await new Promise((resolve) => server.close(resolve))
  return address
}

async function pairWith(
  t: TestContext,
  traffic: TrafficPolicy,
  others: readonly Workload[] = [],
): Promise<{ readonly pair: SidecarPair; readonly app: Awaited<ReturnType<typeof greeter>> }> {
  const app = await greeter(t)
  const pair = await startSidecarPair({
    app: app.address,
    protocol: 'tcp',
    otherEndpoints: others,
  })
  t.after(() => pair.stop())
  await pair.applyL7('client', { destinations: [{ service: SERVICE_KEY, traffic, subsets: [] }] })
  return { pair, app }
}

async function greeted(t: TestContext, pair: SidecarPair): Promise<RawClient> {
  const client = await rawClient(pair.address)
  t.after(() => client.socket.destroy())
  await client.until(GREETING)
  return client
}

const closedWith = async ({ client }: SidecarPair, flag: string): Promise<number> =>
  total(await client.metrics(), CLOSED, { reporter: 'source', response_flags: flag })

test('a TCP connection beyond maxConnections is closed with flag UO, until another has ended', async (t) => {
  const { pair, app } = await pairWith(t, { limits: { connections: 2 } })
  const first = await greeted(t, pair)
  await greeted(t, pair)
  for (let n = 1; n <= 3; n += 1) {
    assert.equal(await exchangeRaw(pair.address, 'hello'), '')
    assert.equal(await closedWith(pair, 'UO'), n)
  }
  assert.equal(app.open.size, 2)
  first.socket.destroy()
  while ((await closedWith(pair, '-')) < 1) await new Promise((resolve) => setTimeout(resolve, 20))
  await greeted(t, pair)
  assert.equal(await closedWith(pair, 'UO'), 3)
})

test('a raised limit holds for connections that are there already', async (t) => {
  const { pair } = await pairWith(t, { limits: { connections: 1 } })
  await greeted(t, pair)
  assert.equal(await exchangeRaw(pair.address, 'hello'), '')
  const traffic = { limits: { connections: 2 } }
  await pair.applyL7('client', { destinations: [{ service: SERVICE_KEY, traffic, subsets: [] }] })
  await greeted(t, pair)
  assert.equal(await exchangeRaw(pair.address, 'hello'), '')
  assert.equal(await closedWith(pair, 'UO'), 2)
})

test('a TCP endpoint that does not answer is given up after connectTimeout, with flag UF', async (t) => {
  const deaf = await startDeafListener()
  t.after(() => deaf.close())
  const app = await greeter(t)
  const pair = await startSidecarPair({ app: app.address, protocol: 'tcp' })
  t.after(() => pair.stop())
  const traffic = { connectTimeoutMs: 300 }
  await pair.applyL7('client', { destinations: [{ service: SERVICE_KEY, traffic, subsets: [] }] })
  await pair.changeServer(() => [plainEndpoint('deaf', deaf.address)])
  const startMs = performance.now()
  assert.equal(await exchangeRaw(pair.address, 'hello'), '')
  const tookMs = performance.now() - startMs
  assert.ok(tookMs >= 290, `closed after ${tookMs} ms`)
  assert.ok(tookMs < 5_000, `closed after ${tookMs} ms, not by the 10 s of a default`)
  assert.equal(await closedWith(pair, 'UF'), 1)
})

test('a TCP endpoint that refuses is left alone for a while by outlier detection', async (t) => {
  const outliers = {
    consecutive5xx: 1,
    intervalMs: 1_000,
    baseEjectionMs: 60_000,
    maxEjectionPercent: 100,
  }
  const { pair } = await pairWith(t, { outliers, balance: 'ROUND_ROBIN' }, [
    plainEndpoint('dead', await deadAddress()),
  ])
  const answers: string[] = []
  for (let n = 0; n < 12; n += 1) {
    const client = await rawClient(pair.address)
    answers.push(await client.until(GREETING).catch(() => ''))
    client.socket.destroy()
  }
  assert.equal(answers.filter((answer) => answer === '').length, 1, 'one try was enough')
  assert.equal(await closedWith(pair, 'UF'), 1)
})

test('a service whose only endpoint is ejected closes TCP connections with flag UH', async (t) => {
  const outliers = {
    consecutive5xx: 1,
    intervalMs: 1_000,
    baseEjectionMs: 60_000,
    maxEjectionPercent: 100,
  }
  const { pair } = await pairWith(t, { outliers })
  const dead = plainEndpoint('dead', await deadAddress())
  await pair.changeServer(() => [dead])
  for (let n = 0; n < 3; n += 1) assert.equal(await exchangeRaw(pair.address, 'hello'), '')
  assert.equal(await closedWith(pair, 'UF'), 1)
  assert.equal(await closedWith(pair, 'UH'), 2)
})

test('K40: TCP connections go to the endpoint with fewer of them', async (t) => {
  const other = await greeter(t)
  const { pair, app } = await pairWith(t, {}, [plainEndpoint('other', other.address)])
  for (let n = 0; n < 40; n += 1) await greeted(t, pair)
  assert.deepEqual([app.open.size, other.open.size], [20, 20])
})
