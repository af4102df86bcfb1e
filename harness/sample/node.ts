import { availableParallelism, cpus } from 'node:os'
import type { Window } from '../result/schema.ts'
import { readText } from './proc.ts'

/** Cumulative counters of the whole machine. */
export interface NodeCounters {
  readonly atMs: number
  /** Kernel's count of CPUs in /proc/stat, not what a cpuset leaves to us. */
  readonly cores: number
  readonly idleUs: number
  readonly iowaitUs: number
  readonly stealUs: number
  readonly interruptUs: number
}

export type NodeCpu = NonNullable<Window['nodeCpu']>

const tickUs = 10_000

export function readNodeCounters(
  read: (path: string) => string | undefined = readText,
): NodeCounters {
  const text = read('/proc/stat')
  return text === undefined ? readWithNode() : parseStat(text)
}

/** Where there is no /proc/stat: what Node knows on every platform. */
function readWithNode(): NodeCounters {
  const times = cpus().map((cpu) => cpu.times)
  const sumUs = (pick: (cpu: (typeof times)[number]) => number): number =>
    times.reduce((total, cpu) => total + pick(cpu) * 1000, 0)
  return {
    atMs: performance.now(),
    cores: times.length,
    idleUs: sumUs(({ idle }) => idle),
    iowaitUs: 0,
    stealUs: 0,
    interruptUs: sumUs(({ irq }) => irq),
  }
}

function parseStat(text: string): NodeCounters {
  const atMs = performance.now()
  const [, , , , idle, iowait, irq, softirq, steal] = (text.split('\n')[0] ?? '')
    .split(/\s+/)
    .map((field) => Number(field) * tickUs)
  return {
    atMs,
    cores: text.match(/^cpu\d/gm)?.length ?? availableParallelism(),
    idleUs: idle ?? 0,
    iowaitUs: iowait ?? 0,
    interruptUs: (irq ?? 0) + (softirq ?? 0),
    stealUs: steal ?? 0,
  }
}

/**
 * Busy time is what was not idle, stolen or waiting for a disk. The user and system columns are no
 * help: with CONFIG_TICK_CPU_ACCOUNTING they sample whoever runs at the timer tick and miss most of a
 * server that works in bursts of microseconds (a machine 0.9 % busy read 0.3 %), while idle time is
 * kept exactly by the tickless idle loop (kernel/time/tick-sched.c, get_cpu_idle_time_us).
 *
 * Without CONFIG_IRQ_TIME_ACCOUNTING the kernel leaves interrupt time in the account of the thread it
 * interrupted and samples it a second time here, so the remainder can be slightly negative.
 */
export function nodeCpuBetween(
  before: NodeCounters,
  after: NodeCounters,
  attributedUs: number,
  idleModesUs: number,
): NodeCpu {
  const wallUs = (after.atMs - before.atMs) * 1000
  const unusedUs =
    after.idleUs -
    before.idleUs +
    (after.iowaitUs - before.iowaitUs) +
    (after.stealUs - before.stealUs)
  const busyUs = Math.max(0, wallUs * after.cores - unusedUs)
  const interruptUs = after.interruptUs - before.interruptUs
  return {
    cores: after.cores,
    wallMs: wallUs / 1000,
    busyUs,
    interruptUs,
    stealUs: after.stealUs - before.stealUs,
    attributedUs,
    idleModesUs,
    remainderUs: busyUs - attributedUs - idleModesUs - interruptUs,
  }
}
