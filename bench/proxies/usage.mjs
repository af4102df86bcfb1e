// What the kernel says of a set of processes; Linux only.
import { readdirSync, readFileSync } from 'node:fs'

/** CPU of all their threads, user and system, µs. The kernel's unit is 10 ms, a window has a second. */
export function cpuUs(pids) {
  let ticks = 0
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * 10_000
}

/** `privateBytes` is what would be freed if the process ended; `pssBytes` adds its share of the rest. */
export function memory(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
  return {
    privateBytes: (kib('Private_Clean') + kib('Private_Dirty')) * 1024,
    pssBytes: kib('Pss') * 1024,
  }
}

/** Of each proxy the sum of its processes, and of the proxies of one path the largest. */
export function largestProxy(proxies) {
  return proxies
    .map((pids) =>
      pids.map(memory).reduce(
        (sum, one) => ({
          privateBytes: sum.privateBytes + one.privateBytes,
          pssBytes: sum.pssBytes + one.pssBytes,
        }),
        { privateBytes: 0, pssBytes: 0 },
      ),
    )
    .reduce((a, b) => (b.privateBytes > a.privateBytes ? b : a), { privateBytes: 0, pssBytes: 0 })
}

export function childrenOf(parent) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
        return Number(fields[1]) === parent
      } catch {
        return false
      }
    })
    .map(Number)
}
