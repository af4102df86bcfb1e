// What a hop costs, ours beside nginx, on this machine in this run:
//   npm run bench:proxies [-- --json] [-- --quick] [-- --hops ztunnel,nginx] [-- --rounds N] [-- --plans fresh]
//   [-- --profile DIR]  one CPU profile per proxy of ours
// Every round visits every hop, so that noise of the machine falls on all alike; a number is the median
// over the rounds, and two of them should be compared only within one run. CPU is that of the proxies of
// a path, two of them or for the waypoint three, without application and load generator. Latency is
// that of one connection at rest, less the median of `direct`. Memory is the largest proxy of a path.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createTestAuthority } from '../dist/test/support/certificates.js'
import { createLoad, holdConnections } from './proxies/load.mjs'
import { ambientApp, startSidecars, startWaypoint, startZtunnels } from './proxies/mesh.mjs'
import { hasStream, installed, startNginxPair } from './proxies/nginx.mjs'
import { cpuUs, largestProxy } from './proxies/usage.mjs'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    hops: { type: 'string' },
    rounds: { type: 'string' },
    plans: { type: 'string' },
    profile: { type: 'string' },
  },
})
if (options.profile) process.env.PROXY_PROFILE_DIR = options.profile
const NAMES = ['direct', 'splice', 'ztunnel', 'sidecar', 'waypoint', 'nginx', 'nginx-stream']
// On request only: what a new connection costs nginx when it keeps none, see docs/performance.md.
const EXTRA = ['nginx-app', 'nginx-fresh']
const wanted = options.hops?.split(',') ?? NAMES
for (const name of wanted) {
  if (![...NAMES, ...EXTRA].includes(name)) {
    console.error(`no hop ${name}; there are ${[...NAMES, ...EXTRA].join(', ')}`)
    process.exit(2)
  }
}
if (process.platform !== 'linux') {
  console.error('reads CPU and memory from /proc: Linux only')
  process.exit(2)
}
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5))
const note = (text) => console.error(`bench: ${text}`)
const CONNECTIONS = 16
const WINDOW_SECONDS = 1
const HELD_CONNECTIONS = 1_000

const octet = 1 + (process.pid % 254)
let nextPort = 20_000
const address = (last) => ({ host: `127.235.${octet}.${last}`, port: nextPort++ })
const local = address(1)

async function child(file, message) {
  const started = fork(fileURLToPath(new URL(`proxies/${file}`, import.meta.url)))
  started.send(message)
  await once(started, 'message')
  return started
}

const stops = []
async function startHop(name) {
  switch (name) {
    case 'direct':
      return { address: local, proxies: [], stop: () => {} }
    case 'splice': {
      const [client, middle] = [address(2), address(3)]
      const second = await child('splice.mjs', { listen: middle, to: local })
      const first = await child('splice.mjs', { listen: client, to: middle })
      const stop = () => {
        first.disconnect()
        second.disconnect()
      }
      return { address: client, proxies: [[first.pid], [second.pid]], stop }
    }
    case 'ztunnel':
      return startZtunnels()
    case 'sidecar':
      return startSidecars(local)
    case 'waypoint':
      return startWaypoint(local)
    default: {
      if (!installed('nginx')) return 'nginx is not installed'
      if (name === 'nginx-stream' && !hasStream()) return 'nginx has no stream module'
      const kind = { nginx: 'l7', 'nginx-app': 'l7-app', 'nginx-fresh': 'l7-fresh' }[name]
      const where = { client: address(4), middle: address(5), app: local }
      return startNginxPair(kind ?? 'stream', where, await certificates())
    }
  }
}

let issued
function certificates() {
  issued ??= (async () => {
    const authority = await createTestAuthority('bench')
    const named = (name) =>
      authority.issue(`spiffe://cluster.local/ns/shop/sa/${name}`, { dnsNames: ['bench'] })
    return { root: authority.rootPem, client: await named('client'), server: await named('server') }
  })()
  return issued
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const value = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return Number.isFinite(value) ? value : 0
}

const { name: loadName, load } = createLoad()
const startedAt = performance.now()
stops.push(
  await child('app.mjs', { addresses: [local, ambientApp] }).then((app) => () => app.disconnect()),
)
const hops = []
for (const name of NAMES.concat(EXTRA).filter((known) => wanted.includes(known))) {
  const hop = await startHop(name)
  if (typeof hop === 'string') {
    note(`${name} left out: ${hop}`)
    continue
  }
  stops.push(hop.stop)
  hops.push({ name, ...hop, idle: largestProxy(hop.proxies), rounds: [] })
}
note(
  `node ${process.version}, load from ${loadName}, load average ${loadavg()[0].toFixed(2)}, ${rounds} rounds of ${hops.length} hops`,
)

/** One window: what it did, and what it cost the proxies. */
async function measure(hop, plan) {
  const pids = hop.proxies.flat()
  const before = cpuUs(pids)
  const result = await load(hop.address, { seconds: WINDOW_SECONDS, ...plan })
  const cost = cpuUs(pids) - before
  if (result.errors > 0) note(`${hop.name}: ${result.errors} errors`)
  return { ...result, cpuUs: cost, perSecond: (result.requests / result.durationUs) * 1e6 }
}
const PLANS = {
  keepAlive: { connections: CONNECTIONS },
  fresh: { connections: CONNECTIONS, close: true },
  bulk: { connections: 1, path: '/bulk' },
  single: { connections: 1 },
}
const plans = options.plans?.split(',') ?? Object.keys(PLANS)

// Before anything is counted: node compiles what it runs often.
for (const hop of hops.filter(({ proxies }) => proxies.length > 0)) {
  await load(hop.address, { seconds: options.quick ? 1 : 2, ...PLANS.keepAlive })
  if (!options.quick) await load(hop.address, { seconds: 3, ...PLANS.fresh })
}
for (let round = 0; round < rounds; round += 1) {
  for (const plan of plans) {
    const order = round % 2 === 0 ? hops : [...hops].reverse()
    for (const hop of order) {
      hop.rounds[round] ??= {}
      hop.rounds[round][plan] = await measure(hop, PLANS[plan])
    }
  }
}
for (const hop of hops) {
  if (hop.proxies.length === 0) continue
  const release = await holdConnections(hop.address, HELD_CONNECTIONS)
  hop.held = largestProxy(hop.proxies)
  release()
}
for (const stop of stops) await stop()

const over = (hop, plan, value) =>
  plans.includes(plan) ? median(hop.rounds.map((round) => value(round[plan]))) : 0
const direct = hops.find(({ name }) => name === 'direct')
const base = (value) => (direct ? over(direct, 'single', value) : 0)
const rounded = (value, digits = 1) => Number(value.toFixed(digits))
const MIB = 1024 * 1024
const report = hops.map((hop) => ({
  name: hop.name,
  cpuUsPerRequest: rounded(over(hop, 'keepAlive', (w) => w.cpuUs / w.requests)),
  cpuUsPerMiB: rounded(over(hop, 'bulk', (w) => w.cpuUs / (w.bytes / MIB))),
  addedP50Us: rounded(over(hop, 'single', (w) => w.p50Us) - base((w) => w.p50Us), 0),
  addedP99Us: rounded(over(hop, 'single', (w) => w.p99Us) - base((w) => w.p99Us), 0),
  requestsPerSecond: rounded(
    over(hop, 'keepAlive', (w) => w.perSecond),
    0,
  ),
  privateBytesIdle: hop.idle.privateBytes,
  pssBytesIdle: hop.idle.pssBytes,
  privateBytes1000: hop.held?.privateBytes ?? 0,
  cpuUsPerNewConnection: rounded(over(hop, 'fresh', (w) => w.cpuUs / w.requests)),
  newConnectionsPerSecond: rounded(
    over(hop, 'fresh', (w) => w.perSecond),
    0,
  ),
  bulkMiBPerSecond: rounded(
    over(hop, 'bulk', (w) => w.bytes / MIB / (w.durationUs / 1e6)),
    0,
  ),
}))

if (options.json) console.log(JSON.stringify({ hops: report }, null, 2))
else table(report)
note(`took ${Math.round((performance.now() - startedAt) / 1_000)} s`)
process.exit(0)

function table(rows) {
  const mib = (bytes) => (bytes / MIB).toFixed(1)
  const columns = [
    ['hop', (row) => row.name],
    ['µs/request', (row) => row.cpuUsPerRequest.toFixed(1)],
    ['requests/s', (row) => row.requestsPerSecond],
    ['µs/new conn', (row) => row.cpuUsPerNewConnection.toFixed(1)],
    ['new conn/s', (row) => row.newConnectionsPerSecond],
    ['µs/MiB', (row) => row.cpuUsPerMiB.toFixed(0)],
    ['MiB/s', (row) => row.bulkMiBPerSecond],
    ['+p50 µs', (row) => row.addedP50Us],
    ['+p99 µs', (row) => row.addedP99Us],
    ['private MiB', (row) => mib(row.privateBytesIdle)],
    ['PSS MiB', (row) => mib(row.pssBytesIdle)],
    ['at 1,000', (row) => mib(row.privateBytes1000)],
  ]
  const line = (cells) => console.log(cells.map((cell) => String(cell).padStart(12)).join(''))
  line(columns.map(([title]) => title))
  for (const row of rows) line(columns.map(([, cell]) => cell(row)))
}
