// How late the load generator sends and what it costs, against a service of our own on loopback:
//   npm run bench:load [-- SECONDS]
// Its requirement: at 1,000 requests/s on a quiet machine a lag below 250 µs at the median and 2 ms at
// p99, for less than 0.6 of a core.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'

const seconds = Number(process.argv[2] ?? 5)
const host = '127.0.0.1'
const ports = { service: await freePort(), control: await freePort() }
const dist = (path) => fileURLToPath(new URL(`../dist/${path}`, import.meta.url))

async function freePort() {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

async function start(path, env) {
  const child = fork(dist(path), { env: { ...process.env, HOST: host, ...env } })
  const [message] = await once(child, 'message')
  if (message.type !== 'started') throw new Error(message.message)
  return child
}

function load(plan) {
  const outgoing = request({ host, port: ports.control, path: '/load', method: 'POST' })
  outgoing.end(
    JSON.stringify({
      service: 'bench',
      path: '/',
      method: 'GET',
      requestBytes: 0,
      headers: {},
      model: 'open',
      ratePerSecond: 100,
      arrivals: 'jittered',
      connections: 16,
      keepAlive: true,
      timeoutMs: 5_000,
      warmupMs: 1_500,
      windowMs: seconds * 1_000,
      seed: 1,
      ...plan,
    }),
  )
  return once(outgoing, 'response').then(async ([response]) => {
    let text = ''
    for await (const chunk of response) text += chunk
    const last = JSON.parse(text.trim().split('\n').at(-1))
    if (last.event !== 'result') throw new Error(text)
    return last.result
  })
}

const service = await start('workloads/service/main.js', {
  PORT: String(ports.service),
  RESPONSE_BYTES: '1024',
})
const generator = await start('harness/load/main.js', {
  PORT: String(ports.control),
  BENCH_SERVICE_HOST: host,
  BENCH_SERVICE_PORT: String(ports.service),
})
console.log(`node ${process.version}, load average ${loadavg()[0].toFixed(2)}, ${seconds} s each`)
const columns = [
  'plan',
  'achieved/s',
  'failed',
  'lag p50',
  'p99',
  'max µs',
  'cores',
  'µs/request',
  'p50',
  'p99 µs',
]
console.log(columns.map((column) => column.padStart(11)).join(''))
const plans = [
  { ratePerSecond: 100 },
  { ratePerSecond: 1_000 },
  { ratePerSecond: 1_000, arrivals: 'poisson' },
  { ratePerSecond: 4_000 },
  { ratePerSecond: 1_000, keepAlive: false },
  { model: 'closed', ratePerSecond: 0 },
]
for (const plan of plans) {
  const result = await load(plan)
  const { outcomes, lagUs, generator: own, latencyUs } = result
  const name = `${plan.ratePerSecond || 'closed'}${plan.keepAlive === false ? ' new' : ''}${plan.arrivals ? ' P' : ''}`
  const cores = own.cpuUs / 1_000 / result.durationMs
  const cells = [
    name,
    result.achievedRate.toFixed(1),
    result.arrivals - outcomes.ok,
    lagUs.p50,
    lagUs.p99,
    lagUs.max,
    cores.toFixed(3),
    (own.cpuUs / result.arrivals).toFixed(1),
    latencyUs.p50,
    latencyUs.p99,
  ]
  console.log(cells.map((cell) => String(cell).padStart(11)).join(''))
}
service.kill()
generator.kill()
