import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { type AmbientPair, startAmbientPair } from '../support/ambient-pair.ts'
import { createTestAuthority } from '../support/certificates.ts'

const DEADLINE_MS = 300
let pair: AmbientPair
let app: Server

async function echoServer(address: { host: string; port: number }): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {}).pipe(socket)
  }).listen(address)
  await once(server, 'listening')
  return server
}

async function echo(socket: Socket, message: string): Promise<void> {
  const answer = received(socket)
  socket.write(message)
  assert.equal(await answer, message)
}

/** What comes next; rejects when the connection ends instead. To be asked before it can have come. */
function received(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the connection was closed before an answer'))
    if (socket.closed) ended()
    socket.once('close', ended).once('data', (bytes) => {
      socket.off('close', ended)
      resolve(String(bytes))
    })
  })
}

/** On a crowded machine the deadline may come before the answer, but never too early. */
async function echoUntil(deadlineMs: number, socket: Socket, message: string): Promise<void> {
  await echo(socket, message).catch((error: unknown) => {
    if (performance.now() < deadlineMs) throw error
  })
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}

describe('a ztunnel process', () => {
  beforeEach(async () => {
    pair = await startAmbientPair(242, {
      env: { CONNECTION_TERMINATION_DEADLINE: `${DEADLINE_MS}ms` },
    })
    app = await echoServer(pair.app)
  })
  afterEach(async () => {
    await pair.stop()
    app.close()
  })
  const dial = (): Socket =>
    connect(pair.capture)
      .on('error', () => {})
      .on('data', () => {})

  test('K37: answers readiness, metrics and its configuration on loopback, without private keys', async () => {
    const { admin } = pair.source
    const get = ({ host, port }: SocketAddress, path: string, method = 'GET') =>
      fetch(`http://${host}:${port}${path}`, { method })
    assert.equal(await (await get(admin.readiness, '/healthz/ready')).text(), 'ready\n')
    for (const path of ['/metrics', '/stats/prometheus']) {
      const response = await get(admin.stats, path)
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain/)
      assert.match(await response.text(), /istio_tcp_connections_opened_total/)
    }
    const dump = await (await get(admin.admin, '/config_dump')).text()
    assert.ok(!dump.includes('PRIVATE KEY'))
    const { workloads, certificates, listeners } = JSON.parse(dump)
    assert.equal(workloads.length, 2)
    assert.equal(certificates[0].identity, 'spiffe://cluster.local/ns/shop/sa/client')
    assert.deepEqual(listeners, ['outbound'])
    assert.equal((await get(admin.admin, '/nothing')).status, 404)
    assert.equal((await get(admin.admin, '/quitquitquit')).status, 405)
    assert.equal((await get(admin.admin, '/logging?level=debug', 'POST')).status, 200)
    assert.equal((await get(admin.admin, '/logging?level=loud', 'POST')).status, 400)
  })

  test('a socket handed over again, because the answer was late, is served and let go of as one', async () => {
    const earlier = dial()
    await echo(earlier, 'earlier')
    const { outbound } = pair.sockets
    await pair.source.listen(pair.outbound, outbound)
    const later = dial()
    await echo(later, 'later')
    await echo(earlier, 'still there')
    await pair.source.unlisten('outbound', 0)
    await Promise.all([closed(earlier), closed(later)])
    outbound.close()
    const [error] = await once(connect(pair.capture), 'error')
    assert.equal(error.code, 'ECONNREFUSED', 'nobody holds it any more')
  })

  test('exits by itself when nothing is left to drain', async () => {
    const exited = once(pair.source.child, 'exit')
    pair.source.child.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
  })

  test('K37: can be told to quit over its admin port', async () => {
    const exited = once(pair.source.child, 'exit')
    const { host, port } = pair.source.admin.admin
    await fetch(`http://${host}:${port}/quitquitquit`, { method: 'POST' })
    assert.deepEqual(await exited, [0, null])
  })

  test('K20: on SIGTERM lets live connections go on until the deadline, then cuts them', async () => {
    const socket = dial()
    await echo(socket, 'one')
    const exited = once(pair.destination.child, 'exit')
    const cut = closed(socket)
    const deadlineMs = performance.now() + DEADLINE_MS
    pair.destination.child.kill('SIGTERM')
    await echoUntil(deadlineMs, socket, 'two')
    await Promise.all([cut, exited])
  })

  test('K32: stops accepting on a socket taken away; its live connections are cut at their deadline', async () => {
    const socket = dial()
    await echo(socket, 'one')
    const cut = closed(socket)
    const deadlineMs = performance.now() + 200
    await pair.source.unlisten('outbound', 200)
    await echoUntil(deadlineMs, socket, 'two')
    await cut
  })

  test('K32: a tunnel socket taken away: streams go on, new connections wait for the next owner', async () => {
    const socket = dial()
    await echo(socket, 'one')
    await pair.destination.unlisten('hbone', 60_000)
    await echo(socket, 'two')
    const late = dial()
    const answer = received(late)
    late.write('early words')
    await echo(socket, 'three')
    await pair.giveTunnelsBack()
    assert.equal(await answer, 'early words')
    late.destroy()
    socket.destroy()
  })

  test('ends when its parent goes away', async () => {
    const exited = once(pair.source.child, 'exit')
    pair.source.child.disconnect()
    assert.deepEqual(await exited, [0, null])
  })

  test('K36: writes one access line for each connection once asked to', async () => {
    for (const { admin } of [pair.source, pair.destination]) {
      const { host, port } = admin.admin
      await fetch(`http://${host}:${port}/logging?access=on`, { method: 'POST' })
    }
    const socket = dial()
    await echo(socket, 'twelve bytes')
    socket.end()
    await closed(socket)
    await pair.source.logged(
      /direction="outbound"\tbytes_sent=12\tbytes_recv=12\tduration="\d+ms"\n/,
    )
    await pair.destination.logged(/direction="inbound"\tbytes_sent=12\tbytes_recv=12\t/)
    const [line] = pair.destination.stderr().split('\n')
    assert.match(line ?? '', /\tinfo\taccess\tconnection complete\t/)
    assert.match(line ?? '', /src\.addr="127\.242\.1\.1:\d+"\tsrc\.workload="client"/)
    assert.match(line ?? '', /src\.identity="spiffe:\/\/cluster\.local\/ns\/shop\/sa\/client"/)
    assert.match(line ?? '', /dst\.hbone_addr="127\.242\.1\.2:8080"/)
    assert.match(line ?? '', /dst\.service="server\.shop\.svc\.cluster\.local"/)
  })
})

test('a ztunnel exits when the last live connection ends, long before the deadline', async () => {
  const patient = await startAmbientPair(244, { env: { CONNECTION_TERMINATION_DEADLINE: '10m' } })
  const server = await echoServer(patient.app)
  const socket = connect(patient.capture).on('data', () => {})
  await echo(socket, 'one')
  const exited = once(patient.source.child, 'exit')
  patient.source.child.kill('SIGTERM')
  await echo(socket, 'two')
  socket.end()
  assert.deepEqual(await exited, [0, null])
  await patient.stop()
  server.close()
})

describe('a ztunnel started alone', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ztunnel-'))
  })
  after(() => rm(folder, { recursive: true }))

  const main = resolve(import.meta.dirname, '../../proxies/ztunnel/main.js')
  const run = (path: string) =>
    spawn(process.execPath, [main, '--config', path], { stdio: ['ignore', 'ignore', 'pipe'] })
  const stderrOf = async (child: ReturnType<typeof run>, pattern: RegExp): Promise<string> => {
    let text = ''
    for await (const chunk of child.stderr as AsyncIterable<Buffer>) {
      text += chunk
      if (pattern.test(text)) break
    }
    return text
  }

  test("serves the YAML of Istio's own ztunnel plus where to listen", async () => {
    const authority = await createTestAuthority()
    for (const name of ['client', 'server']) {
      const issued = await authority.issue(`spiffe://cluster.local/ns/shop/sa/${name}`)
      await writeFile(join(folder, `${name}.pem`), issued.certChainPem)
      await writeFile(join(folder, `${name}.key`), issued.privateKeyPem, { mode: 0o600 })
    }
    await writeFile(join(folder, 'root.pem'), authority.rootPem)
    const path = join(folder, 'ztunnel.yaml')
    await writeFile(path, STANDALONE)
    const server = await echoServer({ host: '127.243.65.2', port: 8080 })
    const child = run(path)
    try {
      assert.match(await stderrOf(child, /ready/), /ready/)
      const socket = connect(8000, '127.243.128.1')
      await echo(socket, 'hello')
      socket.destroy()
      const denied = connect(8001, '127.243.128.1').on('error', () => {})
      denied.write('hello')
      await closed(denied)
      assert.equal(denied.bytesRead, 0)
    } finally {
      child.kill('SIGKILL')
      server.close()
    }
  })

  test('says which field of its file is wrong and exits with the code for configuration', async () => {
    const path = join(folder, 'wrong.yaml')
    await writeFile(path, STANDALONE.replace('kind: outbound', 'kind: sideways'))
    const child = run(path)
    const exited = once(child, 'exit')
    assert.match(await stderrOf(child, /\n/), /listeners\[\d\]/)
    assert.deepEqual(await exited, [2, null])
  })
})

const STANDALONE = `
workloads:
- uid: client
  name: client
  namespace: shop
  serviceAccount: client
  trustDomain: cluster.local
  workloadIps: [127.243.1.1]
  protocol: HBONE
  services: {}
- uid: server
  name: server
  namespace: shop
  serviceAccount: server
  trustDomain: cluster.local
  workloadIps: [127.243.1.2]
  protocol: HBONE
  services:
    shop/server.shop.svc.cluster.local:
      80: 8080
      81: 8081
services:
- name: server
  namespace: shop
  hostname: server.shop.svc.cluster.local
  vips: [/127.243.192.1]
  ports: {80: 8080, 81: 8081}
policies:
- name: only-client
  namespace: shop
  scope: Namespace
  action: Allow
  rules: [[[{principals: [!Exact cluster.local/ns/shop/sa/client], notPrincipals: [!Suffix /nobody], destinationPorts: [8080]}]]]
process:
  kind: ztunnel
  pod: {name: ztunnel, namespace: istio-system, ip: 127.243.1.61}
  local:
  - {uid: client, identity: spiffe://cluster.local/ns/shop/sa/client}
  - uid: server
    identity: spiffe://cluster.local/ns/shop/sa/server
    appPorts: {8080: "127.243.65.2:8080", 8081: "127.243.65.2:8080"}
  certificates:
  - {identity: spiffe://cluster.local/ns/shop/sa/client, certChain: client.pem, privateKey: client.key, roots: root.pem}
  - {identity: spiffe://cluster.local/ns/shop/sa/server, certChain: server.pem, privateKey: server.key, roots: root.pem}
  listeners:
  - {kind: outbound, workload: client, listen: "127.243.128.1:8000", originalDestination: "127.243.192.1:80"}
  - {kind: outbound, workload: client, listen: "127.243.128.1:8001", originalDestination: "127.243.192.1:81"}
  - {kind: hbone, workload: server, listen: "127.243.1.2:15008"}
  admin: 127.243.1.61:15000
  stats: 127.243.1.61:15020
  readiness: 127.243.1.61:15021
`
