// One window of load: from wrk when it is installed, else from a small driver of our own.
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { installed } from './nginx.mjs'

const run = promisify(execFile)
const LUA = `done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT %d %d %d %d %d %d\\n', summary.requests, summary.duration,
    summary.bytes, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
`

/**
 * A function (address, {connections, seconds, close, path}) -> {requests, durationUs, bytes, errors,
 * p50Us, p99Us}; closed loop: every connection asks again as soon as it was answered.
 */
export function createLoad() {
  if (!installed('wrk')) return { name: 'own driver', load: driverLoad }
  const script = join(mkdtempSync(join(tmpdir(), 'bench-proxies-')), 'done.lua')
  writeFileSync(script, LUA)
  const load = async ({ host, port }, { connections, seconds, close = false, path = '/' }) => {
    const { stdout } = await run('wrk', [
      '-t1',
      `-c${connections}`,
      `-d${seconds}`,
      '-s',
      script,
      ...(close ? ['-H', 'Connection: close'] : []),
      `http://${host}:${port}${path}`,
    ])
    const numbers = /RESULT ([\d ]+)/.exec(stdout)?.[1].split(' ').map(Number)
    if (!numbers) throw new Error(`wrk said: ${stdout}`)
    const [requests, durationUs, bytes, errors, p50Us, p99Us] = numbers
    return { requests, durationUs, bytes, errors, p50Us, p99Us }
  }
  return { name: 'wrk', load }
}

async function driverLoad(address, options) {
  const child = fork(fileURLToPath(new URL('driver.mjs', import.meta.url)))
  child.send({ address, options })
  const [result] = await once(child, 'message')
  child.disconnect()
  return result
}

/** Open, each answered once, and then kept. */
export async function holdConnections({ host, port }, count) {
  const sockets = []
  for (let n = 0; n < count; n += 50) {
    await Promise.all(
      Array.from({ length: Math.min(50, count - n) }, async () => {
        const socket = connect({ host, port })
        sockets.push(socket)
        await once(socket, 'connect')
        socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
        let received = 0
        while (received < 1024) received += (await once(socket, 'data'))[0].length
        socket.on('error', () => {})
      }),
    )
  }
  return () => {
    for (const socket of sockets) socket.destroy()
  }
}
