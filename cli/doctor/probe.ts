import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, freemem, loadavg } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { claimAddresses } from '../../cluster/agent/addresses.ts'
import { loadConfig } from '../../cluster/client/load-config.ts'
import type { CommandContext } from '../context.ts'
import type { MachineFacts } from './checks.ts'

/** Looks at everything once. Nothing stays behind. */
export async function probeMachine(
  options: { readonly kubeconfig?: string; readonly out: string },
  env: CommandContext['env'],
): Promise<MachineFacts> {
  const limits = readText('/proc/self/limits')
  return {
    nodeVersion: process.version,
    cores: availableParallelism(),
    loadAverage: loadavg()[0] ?? 0,
    noiseRatio: measureNoise(),
    openFiles: softLimit(limits, 'Max open files'),
    processes: softLimit(limits, 'Max processes'),
    memoryFreeBytes: availableMemory(),
    loopback: await probeLoopback(),
    procCpu: readText('/proc/self/schedstat') !== undefined,
    procPss: readText('/proc/self/smaps_rollup') !== undefined,
    out: probeFolder(options.out),
    chromium: findChromium(env),
    kubeconfig: await probeKubeconfig(options.kubeconfig),
  }
}

const pieces = 60
const pieceIterations = 200_000

/** The same arithmetic again and again: on a quiet machine every piece takes as long as the last. */
function measureNoise(): number {
  const timesMs: number[] = []
  let sink = 0
  for (let piece = 0; piece < pieces; piece++) {
    const startedAt = performance.now()
    for (let step = 0; step < pieceIterations; step++) sink = (Math.imul(sink, 31) + step) | 0
    timesMs.push(performance.now() - startedAt)
  }
  // The first third is compiled while it runs.
  const settled = timesMs.slice(pieces / 3).sort((a, b) => a - b)
  return (settled[Math.floor(settled.length * 0.95)] ?? 0) / (settled[0] ?? 1)
}

async function probeLoopback(): Promise<MachineFacts['loopback']> {
  try {
    let said = 'a block of addresses and ports to listen on'
    const onNotice = (notice: string): void => {
      said = notice
    }
    const plan = await claimAddresses({ onNotice })
    await plan.close()
    return { ok: true, said }
  } catch (error) {
    return { ok: false, said: error instanceof Error ? error.message : String(error) }
  }
}

function probeFolder(out: string): MachineFacts['out'] {
  let parent = resolve(out)
  while (!existsSync(parent)) parent = dirname(parent)
  try {
    const scratch = mkdtempSync(join(parent, '.meshbench-doctor-'))
    try {
      writeFileSync(join(scratch, 'probe'), 'x')
    } finally {
      rmSync(scratch, { recursive: true })
    }
    return { ok: true, said: resolve(out) }
  } catch (error) {
    return { ok: false, said: `${parent}: ${(error as NodeJS.ErrnoException).code}` }
  }
}

async function probeKubeconfig(path: string | undefined): Promise<MachineFacts['kubeconfig']> {
  const wanted = path !== undefined
  try {
    const config = await loadConfig({ kubeconfigPath: path })
    return { ok: true, said: `context ${config.getCurrentContext()}`, wanted }
  } catch (error) {
    return { ok: false, said: error instanceof Error ? error.message : String(error), wanted }
  }
}

/** Where distributions and GitHub's runners have one. */
export function findChromium(env: CommandContext['env']): string | null {
  const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  const all = env.CHROMIUM === undefined ? usual : [env.CHROMIUM, ...usual]
  return all.find((path) => existsSync(path)) ?? null
}

/** Free alone leaves out caches that the kernel gives back at once. */
function availableMemory(): number {
  const [, kib] = /^MemAvailable:\s+(\d+) kB/m.exec(readText('/proc/meminfo') ?? '') ?? []
  return kib === undefined ? freemem() : Number(kib) * 1024
}

function softLimit(limits: string | undefined, name: string): number | null {
  const line = limits?.split('\n').find((each) => each.startsWith(name))
  const soft = line?.slice(name.length).trim().split(/\s+/)[0]
  if (soft === undefined) return null
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
