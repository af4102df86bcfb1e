// A server whose behaviour is known, as a process of its own. It keeps what it really did with every
// request, since timers are late on a busy machine and that is not the instrument's error.
import { createServer } from 'node:http'

const nothing = new Int32Array(new SharedArrayBuffer(4))
const blockMs = (ms) => Atomics.wait(nothing, 0, 0, ms)
const nowMs = () => Number(process.hrtime.bigint()) / 1e6

let behaviour = { kind: 'constant', ms: 0 }
let tookUs = []
let stallsMs = []
let timer

const spinUs = (us) => {
  const end = nowMs() + us / 1e3
  while (nowMs() < end);
}
const delays = {
  constant: ({ ms }) => ms,
  exponential: ({ ms }) => -Math.log(1 - Math.random()) * ms,
  bimodal: ({ ms, slowMs, slowShare }) => (Math.random() < slowShare ? slowMs : ms),
  stalls: () => 0,
  work: ({ us, blockedMs }) => {
    if (us > 0) spinUs(us)
    if (blockedMs > 0) blockMs(blockedMs)
    return 0
  },
}

const server = createServer({ keepAliveTimeout: 60_000 }, (_, response) => {
  const startMs = nowMs()
  const answer = () => {
    response.end('x')
    if (behaviour.kind !== 'work') tookUs.push(Math.round((nowMs() - startMs) * 1e3))
  }
  const delayMs = delays[behaviour.kind](behaviour)
  if (delayMs > 0) setTimeout(answer, delayMs)
  else answer()
})

process.on('message', (message) => {
  if (message.behave !== undefined) {
    behaviour = message.behave
    clearInterval(timer)
    if (behaviour.kind === 'stalls') {
      timer = setInterval(() => {
        const fromMs = Date.now()
        blockMs(behaviour.ms)
        stallsMs.push({ fromMs, toMs: Date.now() })
      }, behaviour.everyMs)
    }
    process.send({ ready: true })
  }
  if (message.reset === true) {
    tookUs = []
    stallsMs = []
  }
  if (message.tell === true) process.send({ tookUs, stallsMs })
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
