import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import * as net from 'node:net'
import { availableParallelism, loadavg } from 'node:os'
import { resolve } from 'node:path'
import { after, before, test } from 'node:test'
import type {
  LoadEvent,
  LoadPlan,
  LoadPoint,
  LoadResult,
  TracedRequest,
} from '../../harness/load/protocol.ts'

const entry = resolve(import.meta.dirname, '../../harness/load/main.js')
const slow = createServer((_, response) => setTimeout(() => response.end('x'), 50))
const fast = createServer((_, response) => response.end('x'))
let generator: ChildProcess
let controlPort: number

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

before(async () => {
  const probe = net.createServer()
  controlPort = await listen(probe)
  probe.close()
  generator = fork(entry, {
    env: {
      HOST: '127.0.0.1',
      PORT: String(controlPort),
      SLOW_SERVICE_HOST: '127.0.0.1',
      SLOW_SERVICE_PORT: String(await listen(slow)),
      FAST_SERVICE_HOST: '127.0.0.1',
      FAST_SERVICE_PORT: String(await listen(fast)),
    },
  })
  assert.deepEqual((await once(generator, 'message'))[0], { type: 'started' })
})

after(() => {
  generator.kill('SIGKILL')
  for (const server of [slow, fast]) {
    server.close()
    server.closeAllConnections()
  }
})

const plan: LoadPlan = {
  service: 'slow',
  path: '/',
  method: 'GET',
  requestBytes: 0,
  headers: {},
  model: 'open',
  ratePerSecond: 100,
  arrivals: 'uniform',
  connections: 16,
  keepAlive: true,
  timeoutMs: 5_000,
  warmupMs: 500,
  windowMs: 2_000,
  seed: 1,
}

/** Others want the CPUs too: then times say nothing of the generator; bench/ has the strict figures. */
const isBusy = (): boolean => (loadavg()[0] ?? 0) > availableParallelism()

async function post(changes: object = {}): Promise<IncomingMessage> {
  const outgoing = request({ host: '127.0.0.1', port: controlPort, path: '/load', method: 'POST' })
  outgoing.end(JSON.stringify({ ...plan, ...changes }))
  return (await once(outgoing, 'response'))[0]
}

async function* events(response: IncomingMessage): AsyncGenerator<LoadEvent> {
  let rest = ''
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line) as LoadEvent
  }
}

async function collect(changes: object = {}): Promise<{ events: LoadEvent[]; result: LoadResult }> {
  const all: LoadEvent[] = []
  for await (const event of events(await post(changes))) all.push(event)
  const last = all.at(-1)
  if (last?.event !== 'result') throw new Error(JSON.stringify(last))
  return { events: all, result: last.result }
}

test('a server with a delay of 50 ms at 100 requests/s: p50 within 50 to 53 ms at 100 ± 1 per second', async () => {
  const medians: number[] = []
  // What disturbs a measurement makes it longer, never shorter: the best of three is the figure.
  while (medians.length < 3 && !medians.some((p50) => p50 <= 53_000)) {
    const { result } = await collect()
    assert.equal(result.outcomes.ok, result.arrivals)
    assert.ok(Math.abs(result.achievedRate - 100) <= 1, `${result.achievedRate} per second`)
    medians.push(result.latencyUs.p50 ?? 0)
  }
  const best = Math.min(...medians)
  assert.ok(best >= 50_000 && (best <= 53_000 || isBusy()), `p50 ${medians} µs`)
})

test('events come in order, the edges of the window when they are planned', async () => {
  const { events, result } = await collect({ service: 'fast' })
  assert.deepEqual(
    events.map(({ event }) => event),
    ['warmup', 'window-start', 'progress', 'window-end', 'progress', 'result'],
  )
  const at = (name: string): number =>
    events.flatMap((event) => (event.event === name && 'atMs' in event ? event.atMs : []))[0] ?? 0
  assert.ok(Math.abs(at('window-start') - result.startedAtMs) < 250)
  assert.ok(Math.abs(at('window-end') - result.startedAtMs - 2_000) < 250)
  assert.deepEqual(
    result.points.map(({ offsetMs, durationMs }) => [offsetMs, durationMs]),
    [
      [0, 1_000],
      [1_000, 1_000],
    ],
  )
  assert.equal(
    result.points.reduce((sum, point) => sum + point.ok, 0),
    result.outcomes.ok,
  )
})

test('a continuous load reports each second what the last ones were like, until it is closed', async () => {
  const continuous = { service: 'fast', windows: 'continuous', ratePerSecond: 50, warmupMs: 0 }
  const response = await post({ ...continuous, windowMs: 2_000 })
  const points: LoadPoint[] = []
  for await (const event of events(response)) {
    assert.ok(event.event !== 'window-end' && event.event !== 'result')
    if (event.event === 'progress' && points.push(event.point) === 4) break
  }
  response.destroy()
  assert.deepEqual(
    points.map(({ offsetMs, recent }) => [offsetMs, recent?.durationMs]),
    [
      [0, 1_000],
      [1_000, 2_000],
      [2_000, 2_000],
      [3_000, 2_000],
    ],
  )
  const [, , third, fourth] = points
  assert.equal(fourth?.recent?.ok, (third?.ok ?? 0) + (fourth?.ok ?? 0))
  assert.deepEqual(fourth?.recent?.failures, {})
  assert.ok((fourth?.recent?.p99Us ?? 0) >= (fourth?.recent?.p50Us ?? 0))
  // It has stopped: the next plan is taken, as soon as the generator has seen the end.
  for (let next = await post({ service: 'fast', warmupMs: 0, windowMs: 100 }); ; ) {
    let text = ''
    for await (const chunk of next.setEncoding('utf8')) text += chunk
    if (next.statusCode === 200) break
    assert.match(text, /plan-running/)
    next = await post({ service: 'fast', warmupMs: 0, windowMs: 100 })
  }
})

test('lag stays below a millisecond at the median, far from a core', async () => {
  const { result } = await collect({ service: 'fast', ratePerSecond: 1000, arrivals: 'jittered' })
  assert.equal(result.arrivals, 2_000)
  assert.equal(result.outcomes.ok, 2_000, JSON.stringify(result.outcomes))
  assert.ok(result.lagUs.p50 < 1_000 || isBusy(), `lag p50 ${result.lagUs.p50} µs`)
  const cores = result.generator.cpuUs / 2_000_000
  assert.ok(cores < 0.6, `${cores} cores`)
})

test('a second plan is refused while one runs, and closing its request frees the generator', async () => {
  const first = await post({ windowMs: 60_000 })
  const stream = events(first)
  assert.equal((await stream.next()).value?.event, 'warmup')
  const second = await post()
  assert.equal(second.statusCode, 409)
  second.resume()
  first.destroy()
  let status: number | undefined = 409
  for (let tries = 0; status === 409 && tries < 100; tries += 1) {
    const next = await post({ windowMs: 100, warmupMs: 0 })
    status = next.statusCode
    next.resume()
    await once(next, 'close')
  }
  assert.equal(status, 200)
})

test('a bad plan is answered with 400 and what is wrong with it', async () => {
  const response = await post({ connections: 0 })
  assert.equal(response.statusCode, 400)
  const [text] = await once(response.setEncoding('utf8'), 'data')
  assert.match(text, /"code":"plan-invalid".*connections: /)
})

test('POST /window ends a reported warm-up at once, and the window keeps its whole length', async () => {
  const response = await post({
    service: 'fast',
    warmupMs: 5_000,
    warmUpPointMs: 100,
    windowMs: 500,
  })
  const seen: LoadEvent[] = []
  for await (const event of events(response)) {
    seen.push(event)
    if (seen.filter(({ event }) => event === 'warmup-point').length === 3) {
      const ask = request({ host: '127.0.0.1', port: controlPort, path: '/window', method: 'POST' })
      ask.end()
      ask.on('response', (answer) => answer.resume())
    }
  }
  const points = seen.flatMap((event) => (event.event === 'warmup-point' ? [event.point] : []))
  const last = seen.at(-1)
  assert.equal(last?.event, 'result')
  const result = (last as Extract<LoadEvent, { event: 'result' }>).result
  assert.ok((points[0]?.ok ?? 0) > 0, 'the warm-up is reported with its answers')
  assert.ok(
    (result.warmupMs ?? 0) >= 300 && (result.warmupMs ?? 0) < 4_500,
    `${result.warmupMs} ms`,
  )
  assert.equal(result.durationMs, 500)
  // 100 arrivals/s, uniform: the window's own, none of the warm-up's.
  assert.ok(Math.abs(result.arrivals - 50) <= 1, `${result.arrivals} arrivals`)
  assert.equal(result.outcomes.ok, result.arrivals)
})

test('a warm-up nobody ends lasts as long as the plan says', async () => {
  const response = await post({ service: 'fast', warmupMs: 400, warmUpPointMs: 100, windowMs: 300 })
  let last: LoadEvent | undefined
  for await (const event of events(response)) last = event
  assert.equal((last as Extract<LoadEvent, { event: 'result' }>).result.warmupMs, 400)
})

test('a traced load tells of every request, runs beside another lane, and ends in good order when asked to', async () => {
  const traced = { service: 'fast', windows: 'continuous', warmupMs: 0, trace: true }
  const response = await post({ ...traced, lane: 'a', ratePerSecond: 200 })
  const beside = await post({ service: 'fast', lane: 'b', warmupMs: 0, windowMs: 300 })
  assert.deepEqual([response.statusCode, beside.statusCode], [200, 200])
  const taken = await post({ ...traced, lane: 'a' })
  assert.equal(taken.statusCode, 409)
  taken.resume()

  const seen: TracedRequest[] = []
  const startedMs = Date.now()
  let result: LoadResult | undefined
  for await (const event of events(response)) {
    if (event.event === 'requests') seen.push(...event.requests)
    if (event.event === 'progress' && result === undefined) await tell('/end?lane=a')
    if (event.event === 'result') result = event.result
  }
  assert.ok(result, 'the load ended with a result')
  assert.equal(seen.length, result.arrivals)
  assert.equal(result.outcomes.ok, result.arrivals)
  for (const [intendedMs, latencyUs, cause] of seen) {
    assert.ok(Math.abs(intendedMs - startedMs) < 60_000, `epoch ms ${intendedMs}`)
    assert.ok(latencyUs > 0 && latencyUs < 5e6, `${latencyUs} µs`)
    assert.equal(cause, undefined)
  }
  assert.equal(await tell('/end?lane=a'), 409)
  for await (const _ of events(beside));
})

test('several services share the requests by their weights', async () => {
  const spread = [
    { service: 'fast', weight: 3 },
    { service: 'gone:9', weight: 1 },
  ]
  const { result } = await collect({ spread, warmupMs: 0, windowMs: 400, connections: 4 })
  assert.equal(result.outcomes.ok, Math.ceil(result.arrivals * 0.75))
  assert.equal(result.outcomes.connectFailed, Math.floor(result.arrivals * 0.25))
})

async function tell(path: string): Promise<number | undefined> {
  const outgoing = request({ host: '127.0.0.1', port: controlPort, path, method: 'POST' }).end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

test('SIGTERM ends a load with an error event and the process with code 0', async () => {
  const stream = events(await post({ windowMs: 60_000 }))
  assert.equal((await stream.next()).value?.event, 'warmup')
  const exited = once(generator, 'exit')
  generator.kill('SIGTERM')
  let last: LoadEvent | undefined
  for await (const event of stream) last = event
  assert.deepEqual(last?.event === 'error' ? last.code : last, 'interrupted')
  assert.deepEqual(await exited, [0, null])
})
