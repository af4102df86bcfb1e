/** Keeps the loop's result alive, or the compiler removes the loop. */
let sink = 1

/**
 * Burns CPU time as the kernel accounts it to this process, in pieces of some 10 µs between looks at
 * the clock. Wall time would not do: on a busy machine the same wall time is less work, and modes
 * measured under different load would seem to differ.
 */
export function burnCpu(cpuUs: number): void {
  if (cpuUs <= 0) return
  const start = process.cpuUsage()
  for (;;) {
    for (let i = 0; i < 4_000; i += 1) sink = (Math.imul(sink, 1_664_525) + 1_013_904_223) | 0
    const spent = process.cpuUsage(start)
    if (spent.user + spent.system >= cpuUs) return
  }
}
