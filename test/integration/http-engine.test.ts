import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { HttpLimits } from '../../proxies/http/limits.ts'
import { type Engine, startEngine } from '../support/http-engine.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'

const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`
const GET = lines('GET / HTTP/1.1', 'Host: a')
const CLOSE = lines('GET / HTTP/1.1', 'Host: a', 'Connection: close')
const OK = `${lines('HTTP/1.1 200 OK', 'Content-Length: 2')}ok`

async function engineFor(
  context: TestContext,
  origin: (socket: Socket) => void,
  limits?: Partial<HttpLimits>,
): Promise<Engine> {
  const engine = await startEngine(origin, limits)
  context.after(() => engine.close())
  return engine
}

/** Answers every read with these bytes. */
const answering = (answer: string) => (socket: Socket) =>
  void socket.on('data', () => socket.write(Buffer.from(answer, 'latin1')))

const nonsense: Record<string, string> = {
  'a length and a coding': `${lines('HTTP/1.1 200 OK', 'Content-Length: 1', 'Transfer-Encoding: chunked')}x`,
  'two lengths': `${lines('HTTP/1.1 200 OK', 'Content-Length: 1', 'Content-Length: 2')}x`,
  'no HTTP at all': 'SSH-2.0-OpenSSH_9\r\n',
  'an upgrade nobody asked for': lines('HTTP/1.1 101 -', 'Upgrade: websocket'),
  'more than 60 KiB of fields': lines('HTTP/1.1 200 OK', `A: ${'a'.repeat(62_000)}`),
}
for (const [what, answer] of Object.entries(nonsense)) {
  test(`a server that answers with ${what} is not believed: 502`, async (t) => {
    const engine = await engineFor(t, answering(answer))
    const received = await exchangeRaw(engine.address, CLOSE)
    assert.match(received, /^HTTP\/1\.1 502 Bad Gateway\r\n/)
    assert.equal((await engine.recorded(1))[0]?.flags, 'UPE')
    assert.equal(engine.upstream.active, 0)
  })
}

test('a broken chunk in an answer ends the connection of the client', async (t) => {
  const head = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
  const engine = await engineFor(t, answering(`${head}3\r\nabc\r\nnonsense`))
  assert.match(await exchangeRaw(engine.address, GET), /3\r\nabc\r\n$/)
  assert.equal((await engine.recorded(1))[0]?.flags, 'UPE')
})

test('what a server sends beyond its answer never becomes another answer', async (t) => {
  const engine = await engineFor(t, answering(`${OK}${OK}`))
  const client = await rawClient(engine.address)
  for (let n = 0; n < 3; n++) {
    client.clear()
    client.send(GET)
    const received = await client.until(/ok$/)
    assert.equal(received.match(/HTTP\/1\.1 200/g)?.length, 1)
  }
  client.socket.destroy()
})

test('an answer that ends with its connection is chunked for the client', async (t) => {
  const engine = await engineFor(t, (socket) => {
    socket.once('data', () => socket.end(`${lines('HTTP/1.0 200 Fine')}until the end`))
  })
  const client = await rawClient(engine.address)
  client.send(GET)
  const received = await client.until(/0\r\n\r\n$/)
  assert.match(received, /^HTTP\/1\.1 200 Fine\r\ntransfer-encoding: chunked\r\n\r\n/)
  client.clear()
  client.send(GET)
  await client.until(/0\r\n\r\n$/)
  client.socket.destroy()
  const old = await exchangeRaw(engine.address, lines('GET / HTTP/1.0'))
  assert.match(old, /^HTTP\/1\.1 200 Fine\r\nconnection: close\r\n\r\nuntil the end$/)
})

test('a client that does not finish its head is told 408, one that says nothing is left', async (t) => {
  const engine = await engineFor(t, answering(OK), { headTimeoutMs: 100 })
  const slow = await rawClient(engine.address)
  slow.send('GET / HTTP/1.1\r\nHost')
  assert.match(await slow.closed(), /^HTTP\/1\.1 408 Request Timeout\r\n/)
  const silent = await rawClient(engine.address)
  assert.equal(await silent.closed(), '')
  while (engine.connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 20))
})

test('idle connections of both sides are closed in time', async (t) => {
  const engine = await engineFor(t, answering(OK), { idleTimeoutMs: 100 })
  const client = await rawClient(engine.address)
  client.send(GET)
  assert.match(await client.closed(), /ok$/)
  while (engine.upstream.pool.size > 0) await new Promise((resolve) => setTimeout(resolve, 50))
})

test('a connection the server announced to close is not used at the last moment', async (t) => {
  let accepted = 0
  const engine = await engineFor(t, (socket) => {
    accepted += 1
    const answer = lines('HTTP/1.1 200 OK', 'Keep-Alive: timeout=1', 'Content-Length: 2')
    socket.on('data', () => socket.write(`${answer}ok`))
  })
  const client = await rawClient(engine.address)
  const ask = async (): Promise<void> => {
    client.clear()
    client.send(GET)
    await client.until(/ok$/)
  }
  await ask()
  await ask()
  assert.equal(accepted, 1)
  await new Promise((resolve) => setTimeout(resolve, 600))
  await ask()
  assert.equal(accepted, 2, 'half of its one second is over')
  client.socket.destroy()
})

test('a stale connection is replaced for GET, while POST fails once and visibly', async (t) => {
  let answered = 0
  // Answers once per connection and resets at the second request.
  const engine = await engineFor(t, (socket) => {
    let first = true
    socket.on('data', () => {
      if (!first) {
        socket.resetAndDestroy()
        return
      }
      first = false
      answered += 1
      socket.write(OK)
    })
  })
  const client = await rawClient(engine.address)
  for (let n = 1; n <= 3; n++) {
    client.clear()
    client.send(GET)
    await client.until(/ok$/)
    assert.equal(answered, n)
  }
  client.clear()
  client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 0'))
  assert.match(await client.until(/termination$/), /^HTTP\/1\.1 503 /)
  assert.equal(engine.records.at(-1)?.flags, 'UC')
  assert.equal(engine.upstream.active, 0)
  client.socket.destroy()
})

test('a slow server holds back its client, a failing one answers it after all', async (t) => {
  const origins: Socket[] = []
  const engine = await engineFor(t, (socket) => void origins.push(socket.pause()))
  const client = await rawClient(engine.address)
  client.send(lines('POST / HTTP/1.1', 'Host: a', `Content-Length: ${1 << 30}`))
  const part = Buffer.alloc(1 << 20)
  // The socket buffers on the way take some MiB before anybody has to wait.
  for (let n = 0; n < 64; n++) client.socket.write(part)
  while (![...engine.connections].some((socket) => socket.isPaused())) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal(engine.upstream.active, 1)
  for (const origin of origins) origin.resetAndDestroy()
  await client.until(/^HTTP\/1\.1 503 [\s\S]*connection: close\r\n[\s\S]*termination$/)
  assert.equal((await engine.recorded(1))[0]?.flags, 'UC')
  assert.equal(engine.upstream.active, 0)
  await client.closed()
})

test('a client that sends requests and reads no answers is held back', async (t) => {
  const body = 'b'.repeat(60_000)
  const engine = await engineFor(
    t,
    answering(`${lines('HTTP/1.1 200 OK', `Content-Length: ${body.length}`)}${body}`),
  )
  const client = await rawClient(engine.address)
  client.socket.pause()
  const requests = 2_000
  client.send(GET.repeat(requests))
  let last = -1
  while (engine.records.length === 0 || engine.records.length !== last) {
    last = engine.records.length
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(last < requests, `${last} of ${requests} requests were answered into the void`)
  const [connection] = engine.connections
  assert.ok((connection?.writableLength ?? 0) < 1 << 20)
  client.socket.destroy()
})

test('an early answer that closes ends the upload without losing the answer', async (t) => {
  const engine = await engineFor(t, (socket) => {
    socket.once('data', () => {
      socket.end(`${lines('HTTP/1.1 413 -', 'Connection: close', 'Content-Length: 3')}big`)
    })
  })
  const client = await rawClient(engine.address)
  client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1000000'))
  client.send('x'.repeat(1000))
  const received = await client.closed()
  assert.match(received, /^HTTP\/1\.1 413 -\r\n[\s\S]*connection: close\r\n\r\nbig$/)
})

test('a final answer to Expect: 100-continue closes, for the body may come or not', async (t) => {
  const engine = await engineFor(t, answering(OK))
  const client = await rawClient(engine.address)
  client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 4', 'Expect: 100-continue'))
  assert.match(await client.closed(), /connection: close\r\n\r\nok$/)
})

test('CONNECT opens a tunnel when the server agrees', async (t) => {
  const engine = await engineFor(t, (socket) => {
    socket.once('data', () => {
      socket.write(lines('HTTP/1.1 200 Connected'))
      socket.pipe(socket)
    })
  })
  const client = await rawClient(engine.address)
  client.send(lines('CONNECT db:5432 HTTP/1.1', 'Host: db:5432'))
  await client.until(/^HTTP\/1\.1 200 Connected\r\n\r\n$/)
  client.clear()
  client.send('raw bytes')
  await client.until(/^raw bytes$/)
  client.socket.end()
  await client.closed()
  const [record] = await engine.recorded(1)
  assert.equal(record?.status, 200)
  assert.equal(engine.upstream.active, 0)
})

test('many clients at once all get their own answers', async (t) => {
  const engine = await engineFor(t, (socket) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const path = /^GET (\S+)/.exec(text)?.[1] ?? ''
        text = text.slice(end + 4)
        socket.write(`${lines('HTTP/1.1 200 OK', `Content-Length: ${path.length}`)}${path}`)
      }
    })
  })
  await Promise.all(
    Array.from({ length: 40 }, async (_, who) => {
      const client = await rawClient(engine.address)
      for (let n = 0; n < 25; n++) {
        const path = `/${who}-${n}`
        client.clear()
        client.send(lines(`GET ${path} HTTP/1.1`, 'Host: a'))
        const received = await client.until((text) => text.includes('\r\n\r\n/'))
        assert.ok(received.endsWith(`\r\n\r\n${path}`), received)
      }
      client.socket.destroy()
    }),
  )
  assert.equal(engine.records.length, 1_000)
  assert.equal(engine.upstream.active, 0)
  assert.ok(engine.upstream.pool.size <= 40)
})
