import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cpus } from 'node:os'
import { afterEach, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type LoadPart, loadPart } from '../../harness/experiment/load-part.ts'
import type { LoadEvent, LoadPlan } from '../../harness/load/protocol.ts'
import { runPlan } from '../../harness/load/run-plan.ts'
import type { Window } from '../../harness/result/schema.ts'
import { accountCpu, readCounters } from '../../harness/sample/counters.ts'
import { type HostSources, hostChange, readHostState } from '../../harness/sample/host-state.ts'
import { nodeCpuBetween, readNodeCounters } from '../../harness/sample/node.ts'
import { watchWarmUp } from '../../harness/steady/watch.ts'
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

function spinMs(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** A real server that misbehaves, under real load: what the window then says of itself. */
async function provoke(listener: RequestListener, changes: Partial<LoadPlan> = {}) {
  await listen(listener)
  return codes(await measured({ ...plan, ...changes }))
}

async function measured(
  asked: LoadPlan,
  onEvent: (event: LoadEvent) => void = () => undefined,
): Promise<LoadPart> {
  assert.ok(server)
  const { port } = server.address() as AddressInfo
  const result = await runPlan(asked, {
    targets: [{ endpoint: { host: '127.0.0.1', port, authority: 'provoked' }, weight: 1 }],
    onEvent,
    signal: AbortSignal.timeout(10_000),
  })
  return loadPart(result, asked)
}

async function listen(listener: RequestListener): Promise<void> {
  server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
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

test('a generator that has no time of its own is late, and has used up its core', async (t) => {
  // The generator of this test is this process: whatever keeps its event loop keeps the generator.
  const burning = setInterval(() => spinMs(45), 1)
  try {
    await listen((_, response) => response.end('x'))
    // Others on the machine may have the core for a while: measured until it was ours.
    let window = await measured({ ...plan, ratePerSecond: 100 })
    for (let again = 0; again < 8 && window.generator.cores <= 0.8; again++) {
      window = await measured({ ...plan, ratePerSecond: 100 })
    }
    const found = codes(window)
    assert.ok(found.includes('error generator-late'), `${found}`)
    // On a machine full of other work nobody gets a whole core.
    const { cores } = window.generator
    if (cores <= 0.8) return t.diagnostic(`got ${cores.toFixed(2)} cores, too few to be saturated`)
    assert.ok(found.includes('error generator-saturated'), `${found}`)
  } finally {
    clearInterval(burning)
  }
})

test('requests that were never sent for want of a connection are failed as unanswered', async () => {
  await listen(() => undefined)
  const asked = { ...plan, connections: 1, timeoutMs: 300, windowMs: 600 }
  const window = await measured(asked)
  assert.ok(window.outcomes.unanswered > 0, JSON.stringify(window.outcomes))
  const whole = healthyWindow(window)
  const findings = judgeWindow({ mode: 'sidecar', window: whole, options: runOptions(), lost: [] })
  const failed = findings.find(({ code }) => code === 'requests-failed')
  assert.equal(failed?.severity, 'error')
  assert.match(failed?.message ?? '', /\d+ unanswered/)
})

test('latency that grows all through the warm-up is not steady when the cap ends it', async () => {
  let since = 0
  await listen((_, response) => {
    setTimeout(() => response.end('x'), (performance.now() - since) / 10)
  })
  const warmUp = async () => {
    since = performance.now()
    const watch = watchWarmUp({ leastMs: 0 })
    const asked = { ...plan, connections: 64, warmupMs: 2_000, warmUpPointMs: 250 }
    const window = await measured(asked, (event) => {
      if (event.event === 'warmup-point') watch.slice(event.point, null, null)
    })
    return watch.record(window.warmupMs)
  }
  // On a machine full of other work the slices may scatter too far for any trend to be seen.
  let steady = await warmUp()
  for (let again = 0; again < 4 && steady.reached; again++) steady = await warmUp()
  assert.equal(steady.reached, false)
  assert.ok(codes({ steady }).includes('warning not-steady'), JSON.stringify(steady))
})

test('other programs on the CPUs are a busy host, as /proc/stat tells it', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async () => {
  const burners = cpus().map(() => spawn(process.execPath, ['-e', 'for (;;);']))
  try {
    await Promise.all(burners.map((burner) => once(burner, 'spawn')))
    const before = readCounters([])
    await delay(500)
    const { nodeCpu } = accountCpu(before, readCounters([]), [], [], 0)
    const found = codes({ nodeCpu })
    assert.ok(found.includes('warning host-busy'), `${found}`)
    // Where a hypervisor takes part of it, the rest cannot be 95 % of the machine.
    const full = found.includes('warning host-saturated') || found.includes('warning cpu-stolen')
    assert.ok(full, `${found}`)
  } finally {
    for (const burner of burners) burner.kill('SIGKILL')
  }
})

test('a process that ends during the window makes it invalid', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async () => {
  const proxy = spawn(process.execPath, ['-e', 'for (;;);'])
  await once(proxy, 'spawn')
  const tracked = [
    { pid: proxy.pid ?? 0, role: 'sidecar', owner: 'mb-sidecar/echo-1/istio-proxy' } as const,
  ]
  const before = readCounters(tracked)
  proxy.kill('SIGKILL')
  await once(proxy, 'exit')
  const { lost } = accountCpu(before, readCounters(tracked), tracked, [], 100)
  const window = healthyWindow()
  const findings = judgeWindow({ mode: 'sidecar', window, options: runOptions(), lost })
  const [found] = findings
  assert.deepEqual([found?.code, found?.severity], ['proxy-restarted', 'error'])
})

/** A machine of two CPUs, in ticks of 10 ms. */
const stat = (idle: number, steal: number, softirq = 0): string =>
  `cpu  100 0 100 ${idle} 0 0 ${softirq} ${steal} 0 0\ncpu0 0\ncpu1 0\n`

/** What an account of three seconds looks like whose processes used `usedUs`. */
function budget(idleTicks: number, softirqTicks: number, usedUs: number): Window['nodeCpu'] {
  const before = { ...readNodeCounters(() => stat(1000, 0)), atMs: 0 }
  const after = {
    ...readNodeCounters(() => stat(1000 + idleTicks, 0, softirqTicks)),
    atMs: 3000,
  }
  return nodeCpuBetween(before, after, usedUs, 0)
}

test('a role that hardly ran used no more CPU than its counters may be off', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const idle = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
  t.after(() => idle.kill('SIGKILL'))
  await delay(500)
  const tracked = [{ pid: idle.pid as number, role: 'sidecar', owner: 'idle' }] as const
  const before = readCounters(tracked)
  await delay(300)
  const { cpu } = accountCpu(before, readCounters(tracked), tracked, [], 100)
  assert.ok((cpu.sidecar?.granularityUs ?? 0) >= 4_000, JSON.stringify(cpu))
  assert.ok(codes({ cpu }).includes('warning cpu-coarse'), JSON.stringify(cpu))
})

test('CPU in no account, though no other program is about, is said', () => {
  // 6 s of CPU, 5.2 idle: 0.8 busy, of which the run used 0.3 and interrupts nothing.
  const nodeCpu = budget(520, 0, 300_000)
  assert.equal(nodeCpu?.remainderUs, 500_000)
  assert.deepEqual(codes({ nodeCpu }), ['warning cpu-unattributed'])
})

test('roles and interrupts that add up to more than the machine spent do not close the account', () => {
  const nodeCpu = budget(550, 40, 450_000)
  assert.equal(nodeCpu?.remainderUs, -350_000)
  assert.deepEqual(codes({ nodeCpu }), ['warning cpu-account-open'])
})

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

test('time that the quota of a container held processes back, as cpu.stat counts it, is throttling', () => {
  const at = (us: number) => {
    const files: Record<string, string> = {
      '/proc/self/cgroup': '0::/\n',
      '/sys/fs/cgroup/cpu.stat': `nr_throttled 1\nthrottled_usec ${us}\n`,
    }
    return readHostState(host({ text: (path) => files[path] }))
  }
  const change = hostChange(at(5_000), at(105_000))
  assert.equal(change.throttledUs, 100_000)
  assert.deepEqual(codes({ host: change }), ['error cpu-throttled'])
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
