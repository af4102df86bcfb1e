import { cpuUsage } from 'node:process'
import { Worker } from 'node:worker_threads'

/**
 * A process that burns CPU on request: the parent sends `{ms, thread}`, it spends that much CPU time
 * on the main thread or a worker and answers with what the kernel says it spent.
 */
const burn = (ms: number): void => {
  const until = ms * 1000
  const start = cpuUsage()
  for (;;) {
    const { user, system } = cpuUsage(start)
    if (user + system >= until) return
  }
}

process.on('disconnect', () => process.exit())
process.on('message', ({ ms, thread }: { ms: number; thread: boolean }) => {
  const before = cpuUsage()
  const done = (): void => {
    const { user, system } = cpuUsage(before)
    process.send?.({ spentUs: user + system })
  }
  if (!thread) {
    burn(ms)
    done()
    return
  }
  const code = `const s = process.cpuUsage(); for (;;) { const u = process.cpuUsage(s); if (u.user + u.system >= ${ms * 1000}) break }`
  new Worker(code, { eval: true }).on('exit', done)
})
process.send?.({ ready: true })
