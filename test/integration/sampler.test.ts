import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { TrackedProcess } from '../../harness/sample/census.ts'
import { accountCpu, readCounters, readMemory } from '../../harness/sample/counters.ts'

const skip = process.platform === 'linux' ? false : 'counters of /proc'
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
})

async function startBurner(role: TrackedProcess['role']): Promise<{
  readonly tracked: TrackedProcess
  burn(ms: number, thread?: boolean): Promise<number>
  kill(): Promise<void>
}> {
  const child = fork(join(import.meta.dirname, '../support/burner.js'))
  children.push(child)
  await once(child, 'message')
  return {
    tracked: { pid: child.pid ?? 0, role, owner: `test/${role}/${child.pid}` },
    burn: async (ms, thread = false) => {
      child.send({ ms, thread })
      const [{ spentUs }] = (await once(child, 'message')) as [{ spentUs: number }]
      return spentUs
    },
    kill: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('CPU time is what each process spent, by role', { skip }, async () => {
  const app = await startBurner('app')
  const proxies = [await startBurner('sidecar'), await startBurner('sidecar')]
  const tracked = [app, ...proxies].map((burner) => burner.tracked)
  const before = readCounters(tracked)
  const spentApp = await app.burn(300)
  const spentProxies = (await proxies[0]?.burn(100)) ?? 0
  const more = (await proxies[1]?.burn(200)) ?? 0
  const { cpu, lost } = accountCpu(before, readCounters(tracked), tracked, [], 1000)
  assert.deepEqual(lost, [])
  // Around each burn there is a message to read and to send.
  assertClose(cpu.app?.cpuUs, spentApp, 15_000)
  assertClose(cpu.sidecar?.cpuUs, spentProxies + more, 30_000)
  assert.equal(cpu.sidecar?.processes, 2)
  assertClose(cpu.app?.usPerRequest ?? 0, spentApp / 1000, 15)
})

test('time spent in a thread that has ended is not lost', { skip }, async () => {
  const burner = await startBurner('app')
  const before = readCounters([burner.tracked])
  const spent = await burner.burn(200, true)
  const after = readCounters([burner.tracked])
  const { cpu } = accountCpu(before, after, [burner.tracked], [], 1)
  // Ticks of 10 ms at both edges.
  assertClose(cpu.app?.cpuUs, spent, 40_000)
})

test('a process that ended is reported as lost', { skip }, async () => {
  const burner = await startBurner('ztunnel')
  const before = readCounters([burner.tracked])
  await burner.kill()
  const { lost } = accountCpu(before, readCounters([burner.tracked]), [burner.tracked], [], 1)
  assert.deepEqual(
    lost.map(({ process, why }) => [process.role, why]),
    [['ztunnel', 'ended']],
  )
})

test('roles, bystanders, interrupts and the remainder add up to the busy time', {
  skip,
}, async () => {
  const app = await startBurner('app')
  const waiting = await startBurner('sidecar')
  const self: TrackedProcess = { pid: process.pid, role: 'controlPlane', owner: 'test' }
  const tracked = [app.tracked, self]
  const read = () => readCounters(tracked, [waiting.tracked])
  const before = read()
  await Promise.all([app.burn(1500), waiting.burn(500)])
  const account = accountCpu(before, read(), tracked, [waiting.tracked], 1)
  const node = account.nodeCpu
  assert.ok(node !== null)
  const { busyUs, attributedUs, idleModesUs = 0, interruptUs, remainderUs } = node
  assert.ok(Math.abs(busyUs - attributedUs - idleModesUs - interruptUs - remainderUs) < 1)
  assert.ok(attributedUs >= 1_500_000 && attributedUs < 1_700_000, `${attributedUs} us`)
  assert.ok(idleModesUs >= 480_000 && idleModesUs < 600_000, `${idleModesUs} us`)
  // The whole machine cannot have been less busy than we made it; others may have worked too.
  assert.ok(busyUs > 1_950_000, `${busyUs} us busy`)
})

/** cgroup v1, root: nanoseconds of all tasks of the machine, whoever they belong to. */
const allTasks = '/sys/fs/cgroup/cpuacct/cpuacct.usage'
const skipTasks = existsSync(allTasks) ? skip : 'no cpuacct controller'

test('busy time agrees within 10 % with what all tasks of the machine ran', {
  skip: skipTasks,
}, async () => {
  const burner = await startBurner('app')
  const ranUs = (): number => Number(readFileSync(allTasks, 'utf8')) / 1000
  const before = readCounters([burner.tracked])
  const ranBefore = ranUs()
  await burner.burn(1500)
  const ran = ranUs() - ranBefore
  const { nodeCpu } = accountCpu(before, readCounters([burner.tracked]), [burner.tracked], [], 1)
  // Interrupts belong to no task when they hit an idle CPU.
  const busy = (nodeCpu?.busyUs ?? 0) - ran
  assert.ok(Math.abs(busy) < 0.1 * ran, `${nodeCpu?.busyUs} us busy, tasks ran ${ran} us`)
})

test('memory is summed by role, proportional below resident', { skip }, async () => {
  const burners = await Promise.all([1, 2, 3].map(() => startBurner('app')))
  const memory = readMemory(burners.map(({ tracked }) => tracked))
  const { processes, pssBytes, privateBytes, rssBytes } = memory.app ?? {}
  assert.equal(processes, 3)
  assert.ok((rssBytes ?? 0) > 3 * 25e6, `${rssBytes} bytes resident`)
  assert.ok((pssBytes ?? 0) < (rssBytes ?? 0), `${pssBytes} bytes proportional`)
  assert.ok((privateBytes ?? 0) < (pssBytes ?? 0), `${privateBytes} bytes private`)
})

test('reading ten processes and thirty bystanders costs under 1 % of a core in a 3 s window', {
  skip,
}, async () => {
  const burner = await startBurner('app')
  const times = (count: number) => Array.from({ length: count }, () => burner.tracked)
  const read = () => readCounters(times(10), times(30)).costUs
  read()
  const costsUs = Array.from({ length: 11 }, read)
  const medianUs = costsUs.sort((a, b) => a - b)[5] ?? 0
  assert.ok(2 * medianUs < 0.01 * 3_000_000, `${medianUs} us per reading`)
})

function assertClose(actualUs: number | undefined, expectedUs: number, toleranceUs: number): void {
  const apart = Math.abs((actualUs ?? 0) - expectedUs)
  assert.ok(apart <= toleranceUs, `${actualUs} us counted, ${expectedUs} us spent`)
}
