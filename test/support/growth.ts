import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import type { ProxyProcess } from './proxy-process.ts'

const MIB = 1 << 20
/** Garbage that V8 has not looked at yet is no leak. */
const MEMORY_ALLOWANCE_BYTES = 64 * MIB
/** Pools, and answers on their way. */
const FILES_ALLOWANCE = 30
/** Longest time that a proxy waits for a peer that is gone or silent: CONNECT unanswered for 20 s. */
const PATIENCE_MS = 60_000

/** What a proxy holds now, to be compared with what it holds after many more cases. */
export interface Growth {
  /** Fails unless every proxy runs and gives back, in its own time, what the cases since made it take. */
  assertNone(): Promise<string>
}

export async function watchGrowth(proxies: readonly ProxyProcess[]): Promise<Growth> {
  await assertAlive(proxies)
  const files = proxies.map(openFiles)
  const memory = proxies.map(residentBytes)
  return {
    assertNone: async () => {
      const startedAt = Date.now()
      const grown = (): number =>
        proxies.findIndex((proxy, n) => openFiles(proxy) > (files[n] ?? 0) + FILES_ALLOWANCE)
      await assertAlive(proxies)
      while (grown() >= 0 && Date.now() - startedAt < PATIENCE_MS) {
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
      const settledMs = Date.now() - startedAt
      return proxies
        .map((proxy, n) => {
          const now = openFiles(proxy)
          const more = residentBytes(proxy) - (memory[n] ?? 0)
          assert.ok(
            now <= (files[n] ?? 0) + FILES_ALLOWANCE,
            `${n}: ${files[n]} files, then ${now}`,
          )
          assert.ok(more < MEMORY_ALLOWANCE_BYTES, `${n} grew by ${Math.round(more / MIB)} MiB`)
          return `${files[n]} -> ${now} files, ${Math.round(more / MIB)} MiB more`
        })
        .concat(`settled after ${settledMs} ms`)
        .join('; ')
    },
  }
}

async function assertAlive(proxies: readonly ProxyProcess[]): Promise<void> {
  // For the news of an end that is on its way, and the last words.
  await new Promise((resolve) => setTimeout(resolve, 100))
  for (const { child, stderr } of proxies) {
    assert.equal(child.exitCode ?? child.signalCode, null, stderr().slice(-2_000))
  }
}

function openFiles({ child }: ProxyProcess): number {
  if (process.platform !== 'linux') return 0
  return readdirSync(`/proc/${child.pid}/fd`).length
}

function residentBytes({ child }: ProxyProcess): number {
  if (process.platform !== 'linux') return 0
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}
