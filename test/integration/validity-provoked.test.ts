import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import { loadPart } from '../../harness/experiment/load-part.ts'
import type { LoadPlan } from '../../harness/load/protocol.ts'
import { runPlan } from '../../harness/load/run-plan.ts'
import type { Window } from '../../harness/result/schema.ts'
import { type HostSources, hostChange, readHostState } from '../../harness/sample/host-state.ts'
import { nodeCpuBetween, readNodeCounters } from '../../harness/sample/node.ts'
import { judgeWindow } from '../../harness/validity/window.ts'
import { healthyWindow, runOptions } from '../support/windows.ts'

let server: Server | undefined
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

const plan: LoadPlan = {
  service: 'provoked',
  path: '/',
  method: 'GET',
  requestBytes: 0,
  headers: {},
  model: 'open',
  ratePerSecond: 200,
  arrivals: 'uniform',
  connections: 4,
  keepAlive: true,
  timeoutMs: 1_000,
  warmupMs: 100,
  windowMs: 600,
  seed: 1,
}

function codes(window: Partial<Window>): string[] {
  const whole = healthyWindow(window)
  const findings = judgeWindow({ mode: 'sidecar', window: whole, options: runOptions(), lost: [] })
  return findings.map(({ severity, code }) => `${severity} ${code}`)
}

/** A real server that misbehaves, under real load: what the window then says of itself. */
async function provoke(listener: RequestListener, changes: Partial<LoadPlan> = {}) {
  server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const asked = { ...plan, ...changes }
  const result = await runPlan(asked, {
    targets: [{ endpoint: { host: '127.0.0.1', port, authority: 'provoked' }, weight: 1 }],
    onEvent: () => undefined,
    signal: AbortSignal.timeout(10_000),
  })
  return codes(loadPart(result, asked))
}

test('a server that hangs up after every tenth answer is connection churn', async () => {
  let answered = 0
  const found = await provoke((request, response) => {
    answered += 1
    // Unannounced, as a proxy that restarts does it.
    const hangUp = answered % 10 === 0
    response.end('x', () => hangUp && request.socket.end())
  })
  assert.ok(found.includes('warning connection-churn'), `${found}`)
})

test('a server too slow for its connections has missed the rate or fallen behind', async () => {
  const found = await provoke((_, response) => setTimeout(() => response.end('x'), 100), {
    connections: 1,
  })
  assert.ok(found.includes('error saturated') || found.includes('error rate-missed'), `${found}`)
})

test('a server that answers 503 now and then has failed requests', async () => {
  let asked = 0
  const found = await provoke((_, response) => {
    asked += 1
    response.statusCode = asked % 5 === 0 ? 503 : 200
    response.end('x')
  })
  assert.ok(found.includes('error requests-failed'), `${found}`)
})

test('a short slow window is too small for its percentiles', async () => {
  const found = await provoke((_, response) => response.end('x'), { ratePerSecond: 20 })
  assert.ok(found.includes('error few-samples'), `${found}`)
})

const stat = (idle: number, steal: number): string =>
  `cpu  100 0 100 ${idle} 0 0 0 ${steal} 0 0\ncpu0 0\ncpu1 0\n`

test('time the hypervisor took, as /proc/stat counts it, is stolen CPU', () => {
  const before = { ...readNodeCounters(() => stat(1000, 0)), atMs: 0 }
  const after = { ...readNodeCounters(() => stat(1400, 80)), atMs: 3000 }
  const nodeCpu = nodeCpuBetween(before, after, 1_000_000, 100_000)
  assert.equal(nodeCpu.stealUs, 800_000)
  assert.ok(codes({ nodeCpu }).includes('warning cpu-stolen'))
})

const host = (changes: Partial<HostSources>): HostSources => ({
  text: () => undefined,
  monotonicMs: () => 0,
  wallClockMs: () => 0,
  ...changes,
})

test('a wall clock that runs ahead of the monotonic one has been set', () => {
  const before = readHostState(host({}))
  const after = readHostState(host({ monotonicMs: () => 3000, wallClockMs: () => 5000 }))
  assert.equal(hostChange(before, after).clockJumpMs, 2000)
  assert.deepEqual(codes({ host: hostChange(before, after) }), ['warning clock-jumped'])
})

test('the speed of the CPUs comes from cpufreq, and a change of it is said', () => {
  const at = (khz: string) =>
    readHostState(host({ text: (path) => (/policy[01]\//.test(path) ? khz : undefined) }))
  const change = hostChange(at('3400000\n'), at('1700000\n'))
  assert.equal(change.cpuMhzBefore, 3400)
  assert.deepEqual(codes({ host: change }), ['warning cpu-frequency-changed'])
})

test('without cpufreq the speed comes from /proc/cpuinfo', () => {
  const text = (path: string) =>
    path === '/proc/cpuinfo' ? 'cpu MHz\t\t: 2000.5\ncpu MHz\t\t: 3000.5\n' : undefined
  assert.equal(readHostState(host({ text })).cpuMhz, 2500.5)
})
