import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import * as net from 'node:net'
import { availableParallelism, loadavg } from 'node:os'
import { test } from 'node:test'
import type { LoadPlan, LoadResult } from '../../harness/load/protocol.ts'
import { runPlan } from '../../harness/load/run-plan.ts'

const plan: LoadPlan = {
  service: 'target',
  path: '/',
  method: 'GET',
  requestBytes: 0,
  headers: {},
  model: 'open',
  ratePerSecond: 400,
  arrivals: 'uniform',
  connections: 10,
  keepAlive: true,
  timeoutMs: 2_000,
  warmupMs: 0,
  windowMs: 500,
  seed: 1,
}

/** For what is looked at over time, or whose connections the next requests find gone. */
const aSecond = { ratePerSecond: 200, windowMs: 1_000 }

async function load(server: net.Server, changes: Partial<LoadPlan> = {}): Promise<LoadResult> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const open = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => open.add(socket))
  try {
    return await loadPort(port, changes)
  } finally {
    server.close()
    for (const socket of open) socket.destroy()
  }
}

async function loadPort(port: number, changes: Partial<LoadPlan> = {}): Promise<LoadResult> {
  const result = await runPlan(
    { ...plan, ...changes },
    {
      targets: [{ endpoint: { host: '127.0.0.1', port, authority: `target:${port}` }, weight: 1 }],
      onEvent: () => {},
      signal: new AbortController().signal,
    },
  )
  const sum = Object.values(result.outcomes).reduce((total, value) => total + value, 0)
  assert.equal(sum, result.arrivals, 'every arrival has one outcome')
  const causes = Object.values(result.failures ?? {}).reduce((total, value) => total + value, 0)
  assert.equal(causes, result.arrivals - result.outcomes.ok, 'every failure has one cause')
  return result
}

/** A server on bare sockets: `answer` says what to write for the nth request, or destroys the socket. */
function rawServer(answer: (socket: net.Socket, n: number) => void): net.Server {
  let n = 0
  return net.createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => answer(socket, ++n))
  })
}

/** Others want the CPUs too: then times say nothing, and only counts are looked at. */
const isBusy = (): boolean => (loadavg()[0] ?? 0) > availableParallelism()

const okAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const none = { ok: 0, non2xx: 0, timeout: 0, reset: 0, connectFailed: 0, unanswered: 0 }

test('a healthy server: every request is ok, on the connections opened at the start', async () => {
  const result = await load(createServer((_, response) => response.end('hello')))
  assert.deepEqual(result.outcomes, { ...none, ok: 200 })
  assert.equal(result.offeredRate, 400)
  assert.equal(result.achievedRate, 400)
  assert.deepEqual(result.connections, { opened: 0, closedEarly: 0 })
  assert.equal(result.latencyUs.n, 200)
  assert.ok(result.bytesReceived > 200 * 5)
})

for (const [how, drop] of [
  ['a FIN', (socket: net.Socket) => socket.end()],
  ['a RST', (socket: net.Socket) => socket.resetAndDestroy()],
  ['half an answer', (socket: net.Socket) => socket.end(okAnswer.slice(0, -1))],
  ['something that is not HTTP', (socket: net.Socket) => socket.write('what?\r\n\r\n')],
] as const) {
  test(`a server that drops every 10th request with ${how}: exactly those have failed`, async () => {
    let dropped = 0
    const server = rawServer((socket, n) => {
      if (n % 10 !== 0) {
        socket.write(okAnswer)
        return
      }
      dropped += 1
      drop(socket)
    })
    const result = await load(server)
    assert.equal(result.arrivals, 200)
    assert.deepEqual(result.outcomes, { ...none, ok: 180, reset: 20 })
    assert.equal(dropped, 20)
    assert.equal(result.failedLatencyUs.n, 20)
    assert.equal(result.connections.closedEarly, 20)
    // Answers after a reconnect are not paired with requests the old connection took along.
    if (isBusy()) return
    assert.ok((result.latencyUs.p50 ?? Infinity) < 20_000, `p50 ${result.latencyUs.p50} µs`)
  })
}

test('error answers are counted and timed apart from good ones', async () => {
  let n = 0
  const result = await load(
    createServer((_, response) => {
      n += 1
      response.writeHead(n % 4 === 0 ? 503 : 200).end('x')
    }),
  )
  assert.deepEqual(result.outcomes, { ...none, ok: 150, non2xx: 50 })
  assert.equal(result.achievedRate, 400)
  assert.equal(result.failedLatencyUs.n, 50)
  assert.equal(result.latencyUs.n, 150)
})

test('requests without an answer time out at their deadline, and their connection is replaced', async () => {
  const server = rawServer((socket, n) => {
    if (n % 20 !== 0) socket.write(okAnswer)
  })
  const result = await load(server, { timeoutMs: 200 })
  assert.deepEqual(result.outcomes, { ...none, ok: 190, timeout: 10 })
  const { n, mean } = result.failedLatencyUs
  assert.equal(n, 10)
  assert.ok(mean !== null && mean >= 200_000, `mean ${mean} µs`)
  assert.ok(mean < 260_000 || isBusy(), `mean ${mean} µs`)
  assert.equal(result.connections.closedEarly, 0)
})

test('nobody listening: all arrivals fail to connect, without a storm of attempts', async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  const result = await loadPort(port, { ...aSecond, connections: 4 })
  assert.deepEqual(result.outcomes, { ...none, connectFailed: 200 })
  assert.equal(result.achievedRate, 0)
  assert.ok(result.generator.cpuUs < 900_000, `${result.generator.cpuUs} µs of CPU in a second`)
})

test('a server that accepts and resets is no reason for a storm either', async () => {
  let accepted = 0
  const server = net.createServer((socket) => {
    accepted += 1
    socket.on('error', () => {})
    socket.resetAndDestroy()
  })
  const result = await load(server, { ...aSecond, connections: 4 })
  assert.equal(result.outcomes.ok, 0)
  assert.equal(result.outcomes.unanswered, 0)
  assert.ok(accepted < 100, `${accepted} connections in a second`)
})

test('Connection: close is honoured: nothing is sent on a connection that was announced to end', async () => {
  const server = createServer((_, response) => {
    response.setHeader('connection', 'close')
    response.end('bye')
  })
  const result = await load(server)
  assert.deepEqual(result.outcomes, { ...none, ok: 200 })
  assert.ok(result.connections.opened >= 190, `${result.connections.opened} opened`)
  assert.equal(result.connections.closedEarly, 0)
})

test('without keep-alive each request has a connection of its own and says so', async () => {
  const seen = new Set<string | undefined>()
  let connections = 0
  const server = createServer((request, response) => {
    seen.add(request.headers.connection)
    response.end('x')
  })
  server.on('connection', () => {
    connections += 1
  })
  const result = await load(server, { keepAlive: false })
  assert.deepEqual(result.outcomes, { ...none, ok: 200 })
  assert.deepEqual([...seen], ['close'])
  assert.equal(connections, 200)
  assert.deepEqual(result.connections, { opened: 200, closedEarly: 0 })
})

test('an answer that ends with its connection and an interim answer are understood', async () => {
  const untilEof = await load(rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it')))
  assert.deepEqual(untilEof.outcomes, { ...none, ok: 200 })
  const hints = rawServer((socket) => socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${okAnswer}`))
  assert.deepEqual((await load(hints)).outcomes, { ...none, ok: 200 })
})

test('a POST carries its body, its headers and the name of the service as Host', async () => {
  const bodies = new Set<number>()
  const heads = new Set<string>()
  const server = createServer((request, response) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    request.on('end', () => {
      bodies.add(bytes)
      heads.add(
        `${request.method} ${request.url} ${request.headers.host?.split(':')[0]} ${request.headers.k}`,
      )
      response.end()
    })
  })
  const changes = {
    method: 'POST',
    requestBytes: 100_000,
    path: '/a?b=1',
    headers: { k: 'v' },
  } as const
  const result = await load(server, { ...changes, ratePerSecond: 100 })
  assert.deepEqual(result.outcomes, { ...none, ok: 50 })
  assert.deepEqual([...bodies], [100_000])
  assert.deepEqual([...heads], ['POST /a?b=1 target v'])
})

test('a stall of 200 ms shows in the percentiles, because latency counts from the intended start', async () => {
  let stalledUntil = 0
  const server: Server = createServer((_, response) => {
    stalledUntil ||= performance.now() + 200
    setTimeout(() => response.end('x'), Math.max(0, stalledUntil - performance.now()))
  })
  const result = await load(server, { ...aSecond, connections: 2 })
  assert.deepEqual(result.outcomes, { ...none, ok: 200 })
  // 40 of 200 requests fall into the stall, spread over 0..200 ms; a closed loop would see two.
  const { p90, max } = result.latencyUs
  assert.ok(p90 !== null && p90 > 60_000, `p90 ${p90} µs`)
  assert.ok(max !== null && max >= 195_000, `max ${max} µs`)
  assert.ok(result.queueUs.max > 100_000, `queue ${result.queueUs.max} µs`)
})

test('requests that never got a connection, or no answer, are unanswered when the drain ends', async () => {
  const result = await load(
    rawServer(() => {}),
    { ratePerSecond: 200, connections: 2, timeoutMs: 400 },
  )
  assert.equal(result.arrivals, 100)
  assert.equal(result.outcomes.ok, 0)
  assert.ok(result.outcomes.timeout >= 2)
  assert.ok(result.outcomes.unanswered > 80, `${result.outcomes.unanswered}`)
})

test('the closed loop keeps every connection busy and counts what it sent', async () => {
  let served = 0
  const server = createServer((_, response) => {
    served += 1
    response.end('x')
  })
  const result = await load(server, { model: 'closed', ratePerSecond: 0 })
  assert.ok(result.outcomes.ok > 100, `${result.outcomes.ok}`)
  assert.deepEqual(result.outcomes, { ...none, ok: result.arrivals })
  assert.ok(served >= result.arrivals && served - result.arrivals <= 10)
  assert.deepEqual(result.lagUs, { p50: 0, p99: 0, max: 0 })
  assert.equal(result.serviceTimeUs.p50, result.latencyUs.p50)
})

test('the closed loop does not hammer a port that refuses', async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  for (const keepAlive of [true, false]) {
    const result = await loadPort(port, {
      model: 'closed',
      keepAlive,
      connections: 4,
    })
    assert.equal(result.outcomes.connectFailed, result.arrivals)
    assert.ok(result.arrivals > 0 && result.arrivals < 60, `${result.arrivals} attempts`)
  }
})

test('failures are told apart by cause: status, reset, silent close, nonsense', async () => {
  const server = rawServer((socket, n) => {
    if (n % 5 === 0) socket.end('HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\n\r\n')
    else if (n % 5 === 1) socket.resetAndDestroy()
    else if (n % 5 === 2) socket.end()
    else if (n % 5 === 3) socket.end('nonsense\r\n\r\n')
    else socket.write(okAnswer)
  })
  const result = await load(server, { ...aSecond, ratePerSecond: 50 })
  assert.deepEqual(result.failures, { '503': 10, ECONNRESET: 10, closed: 10, 'bad-answer': 10 })
})

test('a port where nobody listens fails every request with ECONNREFUSED', async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  const { failures, arrivals } = await loadPort(port)
  assert.deepEqual(failures, { ECONNREFUSED: arrivals })
})
