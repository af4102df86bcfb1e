import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, type Server } from 'node:http'
import * as net from 'node:net'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { ask, at, freePort, serviceEntry, startService } from '../support/service-process.ts'

test('a service answers RESPONSE_BYTES bytes and is healthy', async () => {
  const { port } = await startService({ RESPONSE_BYTES: '1500' })
  const answer = await ask(port)
  assert.equal(answer.status, 200)
  assert.equal(answer.body.length, 1500)
  assert.equal((await ask(port, { path: '/healthz' })).body, 'ok\n')
})

test('a broken SCRIPT ends the process with the reason on stderr', async () => {
  const child = fork(serviceEntry, { env: { SCRIPT: '[{"cal":{}}]' }, silent: true })
  let text = ''
  child.stderr?.on('data', (chunk) => (text += chunk))
  const [code] = await once(child, 'close')
  assert.equal(code, 2)
  assert.match(text, /SCRIPT step 1: unknown command cal/)
})

test('calls reach the downstream service with its name as Host and the trace headers passed on', async () => {
  const seen: IncomingMessage[] = []
  const downstream = createServer((request, response) => {
    seen.push(request)
    request.resume().once('end', () => response.end('x'))
  }).listen(0, '127.0.0.1')
  await once(downstream, 'listening')
  const { port: to } = downstream.address() as AddressInfo
  const { port } = await startService({
    ...at('PRICE_LIST', to),
    SCRIPT:
      '[{"call":{"service":"price-list","path":"/a","headers":{"k":"v"}}},[{"call":{"service":"price-list","requestBytes":70000}}]]',
  })
  const headers = { 'x-request-id': 'r1', traceparent: '00-1-1-00', 'x-other': 'no' }
  assert.equal((await ask(port, { headers })).status, 200)
  assert.deepEqual(
    seen.map(({ method, url }) => `${method} ${url}`),
    ['GET /a', 'POST /'],
  )
  assert.equal(seen[0]?.headers.host, `price-list:${to}`)
  assert.equal(seen[0]?.headers['x-request-id'], 'r1')
  assert.equal(seen[0]?.headers.traceparent, '00-1-1-00')
  assert.equal(seen[0]?.headers.k, 'v')
  assert.equal(seen[0]?.headers['x-other'], undefined)
  assert.equal(seen[1]?.headers['content-length'], '70000')
  await close(downstream)
})

test('an error below comes back as 502, an unreachable service as 503, both naming who failed', async () => {
  const { port: bottom } = await startService({ SERVICE_NAME: 'stock', ERROR_RATE: '1' })
  const { port: top } = await startService({
    ...at('STOCK', bottom),
    SERVICE_NAME: 'shop',
    SCRIPT: '[{"call":{"service":"stock"}}]',
  })
  const bad = await ask(top)
  assert.equal(bad.status, 502)
  assert.equal(bad.body, 'shop: stock answered 500: stock: error on purpose (ERROR_RATE)\n')

  const { port: lonely } = await startService({
    ...at('STOCK', await freePort()),
    SERVICE_NAME: 'shop',
    SCRIPT: '[[{"call":{"service":"stock"}},{"sleep":{"ms":1}}]]',
  })
  const gone = await ask(lonely)
  assert.equal(gone.status, 503)
  assert.equal(gone.body, 'shop: stock unreachable: ECONNREFUSED\n')
})

test('a downstream connection closed while idle is replaced without an error', async () => {
  const downstream = createServer((_, response) => response.end('x')).listen(0, '127.0.0.1')
  await once(downstream, 'listening')
  const { port } = await startService({
    ...at('D', (downstream.address() as AddressInfo).port),
    SCRIPT: '[{"call":{"service":"d"}}]',
  })
  for (let round = 0; round < 20; round += 1) {
    assert.equal((await ask(port)).status, 200)
    downstream.closeAllConnections()
  }
  await close(downstream)
})

test('work burns the CPU time it says', async () => {
  const { port } = await startService({ SCRIPT: '[{"work":{"cpuUs":20000}}]' })
  const startedAt = performance.now()
  assert.equal((await ask(port)).status, 200)
  assert.ok(performance.now() - startedAt >= 19, 'in wall time it cannot be shorter than 20 ms')
})

test('a handed over socket is served next to the own port until it is taken back', async () => {
  const { child, port } = await startService({ SOCKETS_FROM_PARENT: '1', RESPONSE_BYTES: '3' })
  // biome-ignore lint/suspicious/noExplicitAny: an undocumented export, the one way to bind without listening.
  const handle = (net as any)._createServerHandle('127.0.0.1', 0, 4)
  const out: { port?: number } = {}
  handle.getsockname(out)
  const shared = out.port ?? 0
  child.send({ type: 'listen', id: 'a', port: 8080 }, handle, { keepOpen: true })
  assert.deepEqual((await once(child, 'message'))[0], { type: 'listening', id: 'a' })
  const agent = new Agent({ keepAlive: true })
  assert.equal((await ask(shared, { agent })).body, 'xxx')

  child.send({ type: 'unlisten', id: 'a' })
  assert.deepEqual((await once(child, 'message'))[0], { type: 'unlistened', id: 'a' })
  // The old connection lives on; a new one waits in the kernel's queue for the next owner.
  assert.equal((await ask(shared, { agent })).body, 'xxx')
  const waiting = ask(shared)
  const next = createServer((_, response) => response.end('next'))
  next.listen(handle)
  assert.equal((await waiting).body, 'next')
  assert.equal((await ask(port)).body, 'xxx')
  agent.destroy()
  await close(next)
})

test('on SIGTERM it finishes what is in flight, says connection: close and exits 0', async () => {
  const { child, port } = await startService({ SCRIPT: '[{"sleep":{"ms":300}}]' })
  const agent = new Agent({ keepAlive: true })
  const idle = connect(port, '127.0.0.1')
  await once(idle, 'connect')
  const answer = ask(port, { agent })
  await reached(port)
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const { status, headers } = await answer
  assert.equal(status, 200)
  assert.equal(headers.connection, 'close')
  assert.deepEqual(await exited, [0, null])
  agent.destroy()
  idle.destroy()
})

test('it exits at once when the parent is gone', async () => {
  const { child } = await startService({})
  const exited = once(child, 'exit')
  child.disconnect()
  assert.deepEqual(await exited, [0, null])
})

/** A later request answered on another connection shows that the earlier one has been read. */
async function reached(port: number): Promise<void> {
  await ask(port, { path: '/healthz' })
}

async function close(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
