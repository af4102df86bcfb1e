// A server whose behaviour is known, as a process of its own. It keeps what it really did with every
// request, on the clock that the load generator uses too: timers are late and processes wait for a CPU
// on a busy machine, and that is not the instrument's error.
import { createServer } from 'node:http'

const nothing = new Int32Array(new SharedArrayBuffer(4))
const blockMs = (ms) => Atomics.wait(nothing, 0, 0, ms)
const nowUs = () => Number(process.hrtime.bigint()) / 1e3

let behaviour = { kind: 'constant', ms: 0 }
let record = []
let stallsUs = []
let timer

const spinUs = (us) => {
  const end = nowUs() + us
  while (nowUs() < end);
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
  const receivedUs = nowUs()
  // In the order of arrival, which is that of sending: the answers may come in any other.
  const kept = { receivedUs, repliedUs: 0 }
  if (behaviour.kind !== 'work') record.push(kept)
  const answer = () => {
    response.end('x')
    kept.repliedUs = nowUs()
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
        const fromUs = nowUs()
        blockMs(behaviour.ms)
        stallsUs.push({ fromUs, toUs: nowUs() })
      }, behaviour.everyMs)
    }
    process.send({ ready: true })
  }
  if (message.reset === true) {
    record = []
    stallsUs = []
  }
  if (message.tell === true) process.send({ record, stallsUs })
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
