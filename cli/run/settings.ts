import { randomInt } from 'node:crypto'
import { modes } from '../../harness/modes.ts'
import type { RunOptions } from '../../harness/result/schema.ts'
import { UsageError } from '../errors.ts'
import { formatDuration, parseDurationMs } from '../values/duration.ts'
import { parseList } from '../values/list.ts'
import { parseNumber } from '../values/number.ts'
import { parseSizeBytes } from '../values/size.ts'

/** `meshbench run` as typed: nothing parsed, absent what was not said. */
export interface RawRunOptions {
  readonly workload?: string
  readonly entry?: string
  readonly modes?: string
  readonly rate?: string
  readonly saturate?: boolean
  readonly connections?: string
  readonly freshConnections?: boolean
  readonly payload?: string
  readonly duration?: string
  readonly rounds?: string
  readonly warmup?: string
  readonly warmupMax?: string
  readonly replicas?: string
  readonly workloadsPerNode?: string
  readonly sameNode?: boolean
  readonly seed?: string
  readonly quick?: boolean
  readonly out?: string
  readonly gates?: string
  readonly baseline?: string
  /** Each `axis=value,value`; every point becomes a run of its own. */
  readonly sweep?: readonly string[]
}

/** Enough for 10 samples beyond p99 in every window, and gentle on two cores. */
export const defaultRatePerSecond = 400
export const defaultConnections = 16
/** Of the built-in topologies; others say themselves how large their answers are. */
export const defaultPayload = '1KiB'
const plainWorkloads = ['echo', 'chain', 'fanout']
/**
 * The noise of a shared machine is slow, so many short rounds find more than few long ones; a window
 * still holds the 1,000 answers of a p99.
 */
export const defaultRounds = 10
export const defaultDuration = '4s'
export const defaultWarmup = '2s'
/** Four times a warm-up that was enough on a quiet machine. */
export const defaultWarmupMax = '8s'

/** A first answer within a minute on two cores; three rounds show magnitudes, they decide nothing. */
export const quick = { rounds: 3, duration: '3s', warmup: '1s', warmupMax: '1.75s' } as const

/** Longer than any answer of a mesh that still works, shorter than anyone wants a run to hang. */
const requestTimeoutMs = 5_000

const megabyte = 1024 ** 2
const maxPayloadBytes = 16 * megabyte
const maxSeed = 2 ** 32 - 1

/** Every option checked, every default filled in: nothing behind this line is optional. */
export function settleRunOptions(raw: RawRunOptions, command: readonly string[]): RunOptions {
  const saturate = raw.saturate === true
  if (saturate && raw.rate !== undefined) {
    throw new UsageError(
      '--rate and --saturate exclude each other',
      'leave one out: --saturate sends as fast as answers come, --rate at a fixed pace',
    )
  }
  const short = raw.quick === true
  const { warmupMs, warmupMaxMs } = settleWarmup(raw, short)
  const workload = raw.workload ?? 'echo'
  const plain = plainWorkloads.includes(workload)
  const payload = raw.payload ?? (plain ? defaultPayload : undefined)
  const replicas = raw.replicas ?? (plain ? '1' : undefined)
  return {
    command: [...command],
    workload,
    modes: raw.modes === undefined ? [...modes] : parseList('--modes', raw.modes, modes, 'mode'),
    model: saturate ? 'closed' : 'open',
    ratePerSecond: saturate
      ? null
      : parseNumber('--rate', raw.rate ?? String(defaultRatePerSecond), { min: 1, max: 50_000 }),
    arrivals: 'jittered',
    connections: count('--connections', raw.connections ?? String(defaultConnections), 1024),
    keepAlive: raw.freshConnections !== true,
    requestBytes: 0,
    responseBytes:
      payload === undefined ? null : parseSizeBytes('--payload', payload, maxPayloadBytes),
    durationMs: parseDurationMs(
      '--duration',
      raw.duration ?? (short ? quick.duration : defaultDuration),
      { minMs: 500, maxMs: 3_600_000 },
    ),
    warmupMs,
    warmupMaxMs,
    rounds: count('--rounds', raw.rounds ?? String(short ? quick.rounds : defaultRounds), 1000),
    replicas: replicas === undefined ? null : count('--replicas', replicas, 32),
    ...(raw.workloadsPerNode !== undefined && {
      workloadsPerNode: count('--workloads-per-node', raw.workloadsPerNode, 64),
    }),
    ...(raw.sameNode === true && { sameNode: true }),
    timeoutMs: requestTimeoutMs,
    seed:
      raw.seed === undefined
        ? randomInt(maxSeed)
        : parseNumber('--seed', raw.seed, { min: 0, max: maxSeed, integer: true }),
    quick: short,
  }
}

/** Whoever fixes the warm-up gets exactly that one, unless a longest is named too. */
function settleWarmup({ warmup, warmupMax }: RawRunOptions, short: boolean) {
  const limits = { minMs: 0, maxMs: 600_000 }
  const least = warmup ?? (short ? quick.warmup : defaultWarmup)
  const most = warmupMax ?? warmup ?? (short ? quick.warmupMax : defaultWarmupMax)
  const warmupMs = parseDurationMs('--warmup', least, limits)
  const warmupMaxMs = parseDurationMs('--warmup-max', most, limits)
  if (warmup !== undefined && warmupMaxMs < warmupMs) {
    throw new UsageError(
      `--warmup-max ${most} is shorter than --warmup ${least}`,
      '--warmup is the least and --warmup-max the most; leave --warmup-max out for exactly --warmup',
    )
  }
  // Whoever names only the longest wants no warm-up beyond it.
  return { warmupMs: Math.min(warmupMs, warmupMaxMs), warmupMaxMs }
}

function count(option: string, text: string, max: number): number {
  return parseNumber(option, text, { min: 1, max, integer: true })
}

/** `echo · 400 req/s open loop · 16 connections · 10 rounds · 2s warm-up, 4s measured`. */
export function describeSettings(options: RunOptions): string {
  const load =
    options.ratePerSecond === null ? 'closed loop' : `${options.ratePerSecond} req/s open loop`
  return [
    options.workload,
    load,
    `${options.connections} connections${options.keepAlive ? '' : ', new for each request'}`,
    ...(options.sameNode === true ? ['load and workload on one node'] : []),
    options.rounds === 1 ? '1 round' : `${options.rounds} rounds`,
    `${formatDuration(options.warmupMs)} warm-up, ${formatDuration(options.durationMs)} measured`,
  ].join(' · ')
}
