import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import http2 from 'node:http2'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { call, type GrpcAnswer, grpcMessage } from '../contract/grpc-app.ts'
import { ask, at, freePort, serviceEntry, startService } from '../support/service-process.ts'

const method = '/meshbench.Service/Call'

async function session(t: TestContext, port: number): Promise<http2.ClientHttp2Session> {
  const client = http2.connect(`http://127.0.0.1:${port}`)
  t.after(() => client.destroy())
  await once(client, 'connect')
  return client
}

/** Status and message, and whether they stood in the head instead of trailers. */
function ending({
  headers,
  trailers,
}: GrpcAnswer): [status: unknown, message: unknown, at: string] {
  const inTrailers = trailers['grpc-status'] !== undefined
  const { 'grpc-status': status, 'grpc-message': message } = inTrailers ? trailers : headers
  return [status, message, inTrailers ? 'trailers' : 'head']
}

function started(env: Record<string, string>) {
  return startService({ PROTOCOL: 'grpc', ...env })
}

test('a gRPC service answers a message of RESPONSE_BYTES payload, and its probe on the same port', async (t) => {
  const { port } = await started({ RESPONSE_BYTES: '300' })
  const client = await session(t, port)
  const answer = await call(client, method, grpcMessage(Buffer.from('0a03616263', 'hex')))
  assert.equal(answer.headers[':status' as string], 200)
  assert.equal(answer.headers['content-type'], 'application/grpc')
  assert.deepEqual(ending(answer), ['0', undefined, 'trailers'])
  // { bytes payload = 1; }: tag, length 300 as varint, payload.
  const payload = Buffer.concat([Buffer.from('0aac02', 'hex'), Buffer.alloc(300, 'x')])
  assert.deepEqual(answer.body, grpcMessage(payload))

  const probe = await ask(port, { path: '/healthz' })
  assert.deepEqual([probe.status, probe.body], [200, 'ok\n'])
  assert.equal((await ask(port)).status, 505)
})

test('an empty payload is an empty message, a large one comes whole', async (t) => {
  const { port: none } = await started({})
  const empty = await call(await session(t, none), method, grpcMessage(''))
  assert.deepEqual(empty.body, grpcMessage(''))
  const { port: much } = await started({ RESPONSE_BYTES: String(3 << 20) })
  const large = await call(await session(t, much), method, grpcMessage(''))
  assert.equal(large.body.length, 5 + 1 + 4 + (3 << 20))
  assert.equal(large.body.readUInt32BE(1), 1 + 4 + (3 << 20))
})

test('errors are statuses of gRPC, in the head when there is no message', async (t) => {
  const { port } = await started({ SERVICE_NAME: 'stock', ERROR_RATE: '1' })
  const client = await session(t, port)
  const failing = async (path: string, body: Buffer) => ending(await call(client, path, body))
  assert.deepEqual(await failing(method, grpcMessage('')), [
    '13',
    'stock: error on purpose (ERROR_RATE)',
    'head',
  ])
  assert.deepEqual(await failing('/shop.Cart/Get', grpcMessage('')), [
    '12',
    `no method /shop.Cart/Get; known is ${method}`,
    'head',
  ])
  const compressed = Buffer.from('0100000000', 'hex')
  assert.deepEqual(await failing(method, compressed), [
    '12',
    'compressed messages are not taken',
    'head',
  ])
  for (const broken of [Buffer.alloc(3), grpcMessage('abc').subarray(0, 6), Buffer.alloc(12)]) {
    assert.deepEqual(await failing(method, broken), ['13', 'not exactly one whole message', 'head'])
  }
  const plain = await call(client, method, grpcMessage(''), { 'content-type': 'text/plain' })
  assert.equal(plain.headers[':status' as string], 415)
})

test('HTTP calls gRPC calls HTTP, with sizes and trace headers, over one kept connection', async (t) => {
  const bottom = await startService({ SERVICE_NAME: 'price', RESPONSE_BYTES: '7' })
  const seen: http2.IncomingHttpHeaders[] = []
  const received: Buffer[] = []
  let connections = 0
  const recorder = http2.createServer()
  recorder.on('session', () => (connections += 1))
  recorder.on('stream', (stream, headers) => {
    seen.push(headers)
    const parts: Buffer[] = []
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('end', () => {
      received.push(Buffer.concat(parts))
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(grpcMessage(''))
    })
  })
  const recorderPort = await freePort()
  recorder.listen(recorderPort, '127.0.0.1')
  t.after(() => recorder.close())
  const middle = await started({
    ...at('PRICE', bottom.port),
    ...at('STOCK', recorderPort),
    SCRIPT:
      '[{"call":{"service":"price"}},{"call":{"service":"stock","protocol":"grpc","requestBytes":200,"headers":{"X-K":"v"}}}]',
  })
  const top = await startService({
    ...at('CART', middle.port),
    RESPONSE_BYTES: '4',
    SCRIPT: '[{"call":{"service":"cart","protocol":"grpc","requestBytes":70000}}]',
  })
  const headers = { 'x-request-id': 'r1', traceparent: '00-1-1-00', 'x-other': 'no' }
  for (let n = 0; n < 5; n++) {
    const { status, body } = await ask(top.port, { headers })
    assert.deepEqual([status, body], [200, 'xxxx'])
  }
  await Promise.all(Array.from({ length: 20 }, () => ask(top.port)))
  assert.equal(seen.length, 25)
  assert.equal(connections, 1)
  const [first = {}] = seen
  assert.equal(first[':path'], method)
  assert.equal(first[':authority'], `stock:${recorderPort}`)
  assert.equal(first.te, 'trailers')
  assert.equal(first['x-request-id'], 'r1')
  assert.equal(first.traceparent, '00-1-1-00')
  assert.equal(first['x-k'], 'v')
  assert.equal(first['x-other'], undefined)
  const payload = Buffer.concat([Buffer.from('0ac801', 'hex'), Buffer.alloc(200, 'x')])
  assert.deepEqual(received[0], grpcMessage(payload))
  for (const { child } of [top, middle]) child.kill('SIGKILL')
})

test('an error below is 502 or status 13, an unreachable service 503 or status 14, naming who failed', async (t) => {
  const bad = await started({ SERVICE_NAME: 'stock', ERROR_RATE: '1' })
  const viaHttp = (port: number) =>
    startService({
      ...at('STOCK', port),
      SERVICE_NAME: 'shop',
      SCRIPT: '[{"call":{"service":"stock","protocol":"grpc"}}]',
    })
  const top = await ask((await viaHttp(bad.port)).port)
  const onPurpose = 'stock answered grpc-status 13: stock: error on purpose (ERROR_RATE)'
  assert.deepEqual([top.status, top.body], [502, `shop: ${onPurpose}\n`])
  const dead = await freePort()
  const lonely = await viaHttp(dead)
  for (let n = 0; n < 3; n++) {
    const { status, body } = await ask(lonely.port)
    assert.deepEqual([status, body], [503, 'shop: stock unreachable: ECONNREFUSED\n'])
  }

  for (const [port, status, message] of [
    [bad.port, '13', `cart: ${onPurpose}`],
    [dead, '14', 'cart: stock unreachable: ECONNREFUSED'],
  ] as const) {
    const cart = await started({
      ...at('STOCK', port),
      SERVICE_NAME: 'cart',
      SCRIPT: '[{"call":{"service":"stock","protocol":"grpc"}}]',
    })
    const answer = await call(await session(t, cart.port), method, grpcMessage(''))
    assert.deepEqual(ending(answer), [status, message, 'head'])
  }
})

test('a service that came back is called again; one that is HTTP only, or silent, is an error', async () => {
  const port = await freePort()
  const first = await started({ PORT: String(port) })
  const top = await startService({
    ...at('STOCK', port),
    SERVICE_NAME: 'shop',
    CALL_TIMEOUT_MS: '300',
    SCRIPT: '[{"call":{"service":"stock","protocol":"grpc"}}]',
  })
  assert.equal((await ask(top.port)).status, 200)
  const gone = once(first.child, 'exit')
  first.child.kill('SIGKILL')
  await gone
  assert.equal((await ask(top.port)).status, 503)
  const second = await started({ PORT: String(port) })
  assert.equal((await ask(top.port)).status, 200)
  second.child.kill('SIGSTOP')
  const silent = await ask(top.port)
  assert.deepEqual(
    [silent.status, silent.body],
    [503, 'shop: stock unreachable: no answer in 300 ms\n'],
  )
  second.child.kill('SIGKILL')
  const plain = await startService({})
  const wrong = await startService({
    ...at('STOCK', plain.port),
    SCRIPT: '[{"call":{"service":"stock","protocol":"grpc"}}]',
  })
  assert.equal((await ask(wrong.port)).status, 503)
})

test('connections older than CONNECTION_LIFE_MS are replaced, with calls under way let finish', async (t) => {
  let connections = 0
  const server = http2.createServer()
  server.on('session', () => (connections += 1))
  server.on('stream', (stream) => {
    stream.resume()
    setTimeout(() => {
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(grpcMessage(''))
    }, 30)
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  t.after(() => server.close())
  const top = await startService({
    ...at('STOCK', port),
    CONNECTION_LIFE_MS: '10',
    SCRIPT: '[{"call":{"service":"stock","protocol":"grpc"}}]',
  })
  for (let n = 0; n < 4; n++) {
    const first = ask(top.port)
    await sleep(15)
    const answers = await Promise.all([first, ask(top.port)])
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    )
  }
  assert.ok(connections >= 5, `${connections} connections`)
  top.child.kill('SIGKILL')
})

test('on SIGTERM it lets its clients go with GOAWAY, answers what is under way and exits 0', async (t) => {
  const { child, port } = await started({ SCRIPT: '[{"sleep":{"ms":300}}]', RESPONSE_BYTES: '2' })
  const client = await session(t, port)
  const silent = connect(port, '127.0.0.1')
  t.after(() => silent.destroy())
  await once(silent, 'connect')
  const farewell = once(client, 'goaway')
  const answer = call(client, method, grpcMessage(''))
  // A later call that is answered shows that the earlier one has been read.
  await call(client, '/none', grpcMessage(''))
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const [code, lastStream] = await farewell
  assert.deepEqual([code, lastStream], [0, 2 ** 31 - 1])
  assert.deepEqual(ending(await answer), ['0', undefined, 'trailers'])
  assert.deepEqual(await exited, [0, null])
})

test('a protocol nobody knows ends the process with the reason on stderr', async () => {
  const child = fork(serviceEntry, { env: { PROTOCOL: 'soap' }, silent: true })
  let text = ''
  child.stderr?.on('data', (chunk) => (text += chunk))
  assert.deepEqual(await once(child, 'close'), [2, null])
  assert.equal(text, 'service: PROTOCOL must be http or grpc, not "soap"\n')
})
