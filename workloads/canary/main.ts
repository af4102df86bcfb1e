/**
 * A canary: calls every address it is given, once a second, each time on a new connection, and says what
 * came of it, a line for each: `canary http://cart.shop.svc:80/ 200`, `canary tcp://store.shop.svc:7000
 * open`, `canary http://web.shop.svc:80/ none: connect ECONNREFUSED`. It serves nothing.
 */
import { setInterval } from 'node:timers'
import { callTarget } from './call.ts'

const { argv, env } = process
if (env.PROCESS_TITLE !== undefined) process.title = env.PROCESS_TITLE
const targets = argv.slice(2)
const periodMs = 1_000
const busy = new Set<string>()

function callAll(): void {
  for (const target of targets) {
    if (busy.has(target)) continue
    busy.add(target)
    void callTarget(target, env).then((result) => {
      busy.delete(target)
      process.stdout.write(`canary ${target} ${result}\n`)
    })
  }
}

process.once('disconnect', () => process.exit(0))
process.once('SIGTERM', () => process.exit(0))
// Ctrl-C in a terminal reaches the whole process group; whoever started us decides what follows.
if (process.send !== undefined) process.on('SIGINT', () => {})
process.send?.({ type: 'started' })
callAll()
setInterval(callAll, periodMs)
