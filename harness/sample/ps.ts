import { spawnSync } from 'node:child_process'
import type { ProcessCpu, ProcessMemory } from './proc.ts'

export interface PsRow {
  readonly cpu: ProcessCpu
  readonly memory: ProcessMemory
}

/**
 * The counters where there is no /proc: one `ps` for all processes, ten milliseconds. POSIX knows
 * neither proportional nor private memory, so only RSS is there, and CPU time is as coarse as `ps`
 * prints it (macOS: 10 ms).
 */
export function readWithPs(pids: readonly number[]): Map<number, PsRow> {
  const list = pids.join(',')
  const { stdout } = spawnSync('ps', ['-o', 'pid=,time=,rss=,lstart=', '-p', list], {
    encoding: 'utf8',
    env: { LC_ALL: 'C' },
  })
  return parsePs(stdout ?? '')
}

export function parsePs(text: string): Map<number, PsRow> {
  const rows = new Map<number, PsRow>()
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+(\S+)\s+(\d+)\s+(.+?)\s*$/.exec(line)
    if (match === null) continue
    const [, pid, time = '', rssKib, startedAt = ''] = match
    rows.set(Number(pid), {
      cpu: {
        pid: Number(pid),
        startTime: Date.parse(startedAt),
        tickUs: cpuTimeUs(time),
        threadsNs: new Map(),
      },
      memory: { rssBytes: Number(rssKib) * 1024 },
    })
  }
  return rows
}

/** `[[days-]hours:]minutes:seconds[.hundredths]` */
function cpuTimeUs(text: string): number {
  const [days, clock = ''] = text.includes('-') ? text.split('-') : ['0', text]
  const seconds = clock.split(':').reduce((total, part) => total * 60 + Number(part), 0)
  return Math.round((Number(days) * 86_400 + seconds) * 1e6)
}
