import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { after, before, test } from 'node:test'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'
import {
  CLIENT_ID,
  SERVER_ID,
  type SidecarPair,
  startSidecarPair,
} from '../support/sidecar-pair.ts'

let app: HttpApp
let pair: SidecarPair
before(async () => {
  app = await startHttpApp()
  pair = await startSidecarPair({ app: app.address })
})
after(async () => {
  app?.close()
  await pair?.stop()
})

const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4)
const HOST = 'Host: server'
const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`

test('bodies of many sizes come back whole on one kept connection', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const before = app.connections()
  for (const size of [0, 1, 1024, 16_384, 16_385, 65_536, 300_000, 1 << 20]) {
    const sent = Buffer.alloc(size, 'abcdefghij')
    const received = await post(agent, '/echo', sent)
    assert.equal(received.length, size, `${size} bytes`)
    assert.ok(received.equals(sent), `${size} bytes are the same bytes`)
  }
  assert.ok(app.connections() - before <= 1, 'the sidecars keep their connections too')
  agent.destroy()
})

test('chunked bodies are chunked again both ways, extensions are not passed on', async () => {
  const client = await rawClient(pair.address)
  client.send(lines('POST /echo HTTP/1.1', HOST, 'Transfer-Encoding: chunked'))
  client.send('5;secret=1\r\nhello\r\n')
  await client.until(/hello/)
  client.send('6\r\n world\r\n0\r\n\r\n')
  const answer = await client.until(/\r\n0\r\n\r\n$/)
  assert.match(answer, /transfer-encoding: chunked\r\n/i)
  assert.match(answer, /5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n$/)
  assert.doesNotMatch(answer, /secret/)
  assert.equal(app.requests.at(-1)?.headers['content-length'], undefined)
  client.socket.destroy()
})

test('a 16 MiB upload arrives whole', async () => {
  const part = Buffer.alloc(1 << 20, 'u')
  const hash = createHash('sha256')
  for (let i = 0; i < 16; i++) hash.update(part)
  const agent = new http.Agent()
  const answer = await post(agent, '/digest', Buffer.concat(Array.from({ length: 16 }, () => part)))
  assert.equal(answer.toString(), hash.digest('hex'))
})

test('an answer nobody reads stops its server and stays out of the proxies memory', async () => {
  const client = await rawClient(pair.address)
  client.socket.pause()
  client.send(lines('GET /flood HTTP/1.1', HOST, 'Connection: close'))
  let last = -1
  // Nothing moves any more once two looks 100 ms apart see the same.
  while (app.flooded() === 0 || app.flooded() !== last) {
    last = app.flooded()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  // What is taken sits in the socket buffers of three hops, up to 10 MiB each.
  assert.ok(app.flooded() < 40 << 20, `${app.flooded()} of 64 MiB were taken from the server`)
  let received = 0
  client.socket.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  client.socket.resume()
  await client.closed()
  assert.ok(received > 64 << 20, 'after reading on, all of it arrives')
  if (process.platform === 'linux') {
    for (const { child } of [pair.client, pair.server]) {
      const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
      assert.ok(Number(peak?.[1]) < 130 * 1024, `peak memory ${peak?.[1]} KiB`)
    }
  }
})

test('100 (Continue) comes from the application, the body after it', async () => {
  const client = await rawClient(pair.address)
  client.send(lines('POST /echo HTTP/1.1', HOST, 'Content-Length: 4', 'Expect: 100-continue'))
  assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  client.clear()
  client.send('body')
  assert.match(await client.until(/body$/), /^HTTP\/1\.1 200 OK\r\n/)
  client.socket.destroy()
})

test('103 (Early Hints) are passed on, but not to HTTP/1.0', async () => {
  const modern = await exchangeRaw(
    pair.address,
    lines('GET /hints HTTP/1.1', HOST, 'Connection: close'),
  )
  assert.match(modern, /^HTTP\/1\.1 103 Early Hints\r\nLink: [^\r]*\r\n\r\nHTTP\/1\.1 200 OK/)
  const old = await exchangeRaw(pair.address, lines('GET /hints HTTP/1.0', HOST))
  assert.match(old, /^HTTP\/1\.1 200 OK/)
})

test('an upgraded connection carries bytes both ways, also those sent ahead', async () => {
  const client = await rawClient(pair.address)
  const upgrade = ['Connection: keep-alive, Upgrade', 'Upgrade: websocket']
  client.send(`${lines('GET /socket HTTP/1.1', HOST, ...upgrade)}early`)
  const answer = await client.until(/early$/)
  assert.match(answer, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  assert.match(answer, /upgrade: websocket\r\n/i)
  client.clear()
  client.send('later')
  await client.until(/later/)
  client.socket.destroy()
})

test('an upgrade to anything but WebSocket is not passed on', async () => {
  const upgrade = [
    'Connection: Upgrade, HTTP2-Settings, close',
    'Upgrade: h2c',
    'HTTP2-Settings: AA',
  ]
  const answer = await exchangeRaw(pair.address, lines('GET /headers HTTP/1.1', HOST, ...upgrade))
  assert.match(answer, /^HTTP\/1\.1 200 OK/)
  const seen = JSON.parse(
    bodyOf(answer)
      .replace(/^\w+\r\n/, '')
      .replace(/\r\n0\r\n\r\n$/, ''),
  )
  assert.equal(seen.upgrade, undefined)
  assert.equal(seen['http2-settings'], undefined)
})

test('HEAD has the length and no body, 204 neither, and the connection goes on', async () => {
  const client = await rawClient(pair.address)
  client.send(lines('HEAD /echo HTTP/1.1', HOST))
  await client.until(/\r\n\r\n$/)
  client.send(lines('GET /no-content HTTP/1.1', HOST))
  await client.until(/204 No Content\r\n[\s\S]*\r\n\r\n$/)
  client.send(lines('GET /last HTTP/1.1', HOST))
  assert.match(await client.until(/GET \/last$/), /GET \/last$/)
  client.socket.destroy()
})

test('trailers travel in both directions', async () => {
  const client = await rawClient(pair.address)
  client.send(
    `${lines('POST /trailers HTTP/1.1', HOST, 'TE: trailers', 'Connection: TE', 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\nX-Sent: 7\r\n\r\n`,
  )
  const answer = await client.until(/\r\n0\r\n[\s\S]*\r\n\r\n$/)
  assert.match(answer, /\r\n0\r\nX-Sum: 42\r\nX-Got: 7\r\n\r\n$/)
  assert.equal(app.requests.at(-1)?.headers.te, 'trailers')
  client.socket.destroy()
})

test('pipelined requests are answered in order', async () => {
  const client = await rawClient(pair.address)
  const numbers = Array.from({ length: 20 }, (_, index) => index)
  client.send(numbers.map((n) => lines(`GET /n${n} HTTP/1.1`, HOST)).join(''))
  const answer = await client.until(/GET \/n19$/)
  const order = [...answer.matchAll(/GET \/n(\d+)/g)].map(([, n]) => Number(n))
  assert.deepEqual(order, numbers)
  client.socket.destroy()
})

test('HTTP/1.0 and Connection: close end the connection after the answer', async () => {
  for (const request of [
    lines('GET /a HTTP/1.0', HOST),
    lines('GET /a HTTP/1.1', HOST, 'Connection: close'),
  ]) {
    const answer = await exchangeRaw(pair.address, request)
    assert.match(answer, /connection: close\r\n/)
    assert.match(answer, /GET \/a$/)
  }
  const kept = await rawClient(pair.address)
  kept.send(lines('GET /a HTTP/1.0', HOST, 'Connection: keep-alive'))
  assert.match(await kept.until(/GET \/a$/), /connection: keep-alive\r\n/)
  kept.socket.destroy()
})

test('a server that closes after its answer does not close the client connection', async () => {
  const client = await rawClient(pair.address)
  for (let n = 0; n < 3; n++) {
    client.clear()
    client.send(lines('GET /bye HTTP/1.1', HOST))
    assert.doesNotMatch(await client.until(/bye$/), /connection: close/i)
  }
  client.socket.destroy()
})

test('an answer cut short is cut short for the client too', async () => {
  const length = await exchangeRaw(pair.address, lines('GET /die HTTP/1.1', HOST))
  assert.match(length, /only this$/)
  const chunked = await exchangeRaw(pair.address, lines('GET /die-chunked HTTP/1.1', HOST))
  assert.match(chunked, /only this\r\n$/, 'without the last chunk')
})

test('an event stream arrives as it is written, and ends at the server when the client goes', async () => {
  const client = await rawClient(pair.address)
  client.send(lines('GET /events HTTP/1.1', HOST))
  await client.until(/data: one/)
  client.socket.end()
  await app.aborted()
})

test('an answer before the end of the request is passed on and the connection survives', async () => {
  const client = await rawClient(pair.address)
  client.send(lines('POST /early HTTP/1.1', HOST, 'Content-Length: 10'))
  await client.until(/too much/)
  client.clear()
  client.send('0123456789')
  client.send(lines('GET /next HTTP/1.1', HOST))
  await client.until(/GET \/next$/)
  client.socket.destroy()
})

test('K41: sidecars add who called and take away what is theirs', async () => {
  const answer = await exchangeRaw(
    pair.address,
    lines(
      'GET /headers HTTP/1.1',
      HOST,
      'X-Request-Id: mine',
      'X-Forwarded-Client-Cert: URI=spiffe://forged',
      'X-Envoy-Peer-Metadata-Id: forged',
      'Proxy-Connection: keep-alive',
      'Keep-Alive: timeout=9',
      'X-Hop: 1',
      'X-CasE: Kept',
      'Connection: close, X-Hop',
    ),
  )
  assert.match(answer, /\r\nX-Powered-By: test\r\n/)
  assert.match(answer, /\r\nserver: envoy\r\n/)
  assert.doesNotMatch(answer, /own|istio-envoy|keep-alive|x-envoy-peer-metadata/i)
  assert.match(answer, /\r\nx-envoy-upstream-service-time: \d+\r\n/)
  const raw = app.requests.at(-1)
  const seen = raw?.headers ?? {}
  assert.equal(seen['x-request-id'], 'mine')
  assert.equal(seen['x-forwarded-proto'], 'http')
  assert.equal(seen['x-envoy-attempt-count'], '1')
  assert.match(
    String(seen['x-forwarded-client-cert']),
    new RegExp(`^By=${SERVER_ID};Hash=[0-9a-f]{64};Subject="";URI=${CLIENT_ID}$`),
  )
  for (const gone of [
    'x-envoy-peer-metadata',
    'x-envoy-peer-metadata-id',
    'x-hop',
    'keep-alive',
    'proxy-connection',
  ]) {
    assert.equal(seen[gone], undefined, gone)
  }
  assert.ok(raw?.rawHeaders.includes('X-CasE'), 'names keep their case')
  assert.match(
    raw?.socket.remoteAddress ?? '',
    process.platform === 'linux' ? /127\.0\.0\.6$/ : /./,
  )
})

test('a request without id gets one', async () => {
  await exchangeRaw(pair.address, lines('GET /headers HTTP/1.1', HOST, 'Connection: close'))
  assert.match(String(app.requests.at(-1)?.headers['x-request-id']), /^[0-9a-f-]{36}$/)
})

test('what could be read as two requests is refused and never reaches the application', async () => {
  const before = app.requests.length
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: server\r\n\r\n'
  for (const fields of [
    ['Content-Length: 0', 'Transfer-Encoding: chunked'],
    ['Content-Length: 0', `Content-Length: ${smuggled.length}`],
    ['Transfer-Encoding: xchunked'],
    ['Transfer-Encoding : chunked'],
    ['Content-Length: 0', ' Transfer-Encoding: chunked'],
  ]) {
    const answer = await exchangeRaw(
      pair.address,
      `${lines('POST /a HTTP/1.1', HOST, ...fields)}0\r\n\r\n${smuggled}`,
    )
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, fields.join())
    assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
  }
  const large = await exchangeRaw(
    pair.address,
    lines('GET / HTTP/1.1', HOST, `A: ${'a'.repeat(70_000)}`),
  )
  assert.match(large, /^HTTP\/1\.1 431 /)
  assert.equal(app.requests.length, before)
})

test('a socket that is taken away answers once more and says that it closes', async () => {
  const idle = await rawClient(pair.address)
  const busy = await rawClient(pair.address)
  busy.send(lines('GET /a HTTP/1.1', HOST))
  assert.doesNotMatch(await busy.until(/GET \/a$/), /connection: close/i)
  await pair.client.unlisten('out', 5_000)
  busy.clear()
  busy.send(lines('GET /b HTTP/1.1', HOST))
  assert.match(await busy.closed(), /connection: close\r\n[\s\S]*GET \/b$/)
  await idle.closed()
})

function post(agent: http.Agent, path: string, body: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const { host, port } = pair.address
    const request = http.request({ agent, host, port, path, method: 'POST' }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (chunk: Buffer) => parts.push(chunk))
      response.on('end', () => resolve(Buffer.concat(parts)))
      response.on('error', reject)
    })
    request.on('error', reject)
    request.setHeader('Content-Length', body.length)
    request.end(body)
  })
}
