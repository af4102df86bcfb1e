// The real instrument against servers of ours: the load generator's process, the counters the sampler
// reads, the validity rules.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { loadPart } from '../../dist/harness/experiment/load-part.js'
import { accountCpu, readCounters } from '../../dist/harness/sample/counters.js'
import { judgeWindow } from '../../dist/harness/validity/window.js'

const host = '127.0.0.1'

export const plan = {
  service: 'a',
  path: '/',
  method: 'GET',
  requestBytes: 0,
  headers: {},
  model: 'open',
  ratePerSecond: 400,
  arrivals: 'jittered',
  connections: 16,
  keepAlive: true,
  timeoutMs: 5_000,
  warmupMs: 300,
  windowMs: 4_000,
  seed: 1,
}

export async function startServer() {
  const child = fork(fileURLToPath(new URL('./server.mjs', import.meta.url)))
  const [{ port }] = await once(child, 'message')
  const ask = async (message) => {
    child.send(message)
    return (await once(child, 'message'))[0]
  }
  return {
    port,
    pid: child.pid,
    behave: (behave) => ask({ behave }),
    reset: () => child.send({ reset: true }),
    tell: () => ask({ tell: true }),
    stop: () => child.kill(),
  }
}

/** One generator for all servers, by the names given. */
export async function startGenerator(servers) {
  const probe = createServer().listen(0, host)
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  const env = { PATH: process.env.PATH, HOST: host, PORT: String(port) }
  for (const [name, server] of Object.entries(servers)) {
    env[`${name.toUpperCase()}_SERVICE_HOST`] = host
    env[`${name.toUpperCase()}_SERVICE_PORT`] = String(server.port)
  }
  const child = fork(fileURLToPath(new URL('../../dist/harness/load/main.js', import.meta.url)), {
    env,
  })
  await once(child, 'message')
  const load = async (asked, onEvent = () => undefined) => {
    // A connection of its own: a kept one may have ended unnoticed while this process waited for wrk.
    const outgoing = request({ host, port, path: '/load', method: 'POST', agent: false })
    outgoing.end(JSON.stringify({ ...plan, ...asked }))
    const [response] = await once(outgoing, 'response')
    let rest = ''
    let last
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        last = JSON.parse(line)
        onEvent(last)
      }
    }
    if (last?.event !== 'result') throw new Error(JSON.stringify(last))
    return last.result
  }
  return { pid: child.pid, load, stop: () => child.kill() }
}

/** A window as a run records it: the server is the application, its cost comes from the counters. */
export async function measure(generator, server, asked, round, mode) {
  const tracked = [
    { pid: server.pid, role: 'app', owner: 'server' },
    { pid: generator.pid, role: 'generator', owner: 'generator' },
  ]
  let before
  let after
  const load = await generator.load(asked, ({ event }) => {
    if (event === 'window-start') before = readCounters(tracked)
    if (event === 'window-end') after = readCounters(tracked)
  })
  const { cpu, nodeCpu } = accountCpu(before, after, tracked, [], load.outcomes.ok)
  const whole = { ...plan, ...asked }
  const window = { ...loadPart(load, whole), round, position: round, cpu, nodeCpu, memory: {} }
  const findings = judgeWindow({ mode, window, options: whole, lost: [] })
  return { ...window, findings }
}
