// What planning a migration costs in a large cluster: 500 namespaces with 20,000 pods, generated in an API
// server without running processes. Server and planner are processes of their own.
//   npm run bench:plan           or: node bench/plan.mjs [--json]
// The requirement on two cores: 20 s and 300 MiB.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeKubeconfig } from '../dist/cluster/client/kubeconfig.js'
import { largeEstate } from '../dist/test/fixtures/many-objects.js'
import { startServer } from './api/client.mjs'

const mostMs = 20_000
const mostBytes = 300 * 2 ** 20
const json = process.argv.includes('--json')
const folder = mkdtempSync(join(tmpdir(), 'meshbench-plan-'))
const server = await startServer(largeEstate)
try {
  const { port, token, caPem } = server.address
  const kubeconfig = join(folder, 'kubeconfig')
  await writeKubeconfig(kubeconfig, { server: `https://127.0.0.1:${port}`, caPem, token })
  const { items } = JSON.parse(await server.get('/api/v1/namespaces?limit=500'))
  const names = items
    .filter(({ metadata }) => metadata.labels?.['istio-injection'] === 'enabled')
    .map(({ metadata }) => metadata.name)
  const all = names.length > 0 ? names : items.map(({ metadata }) => metadata.name)
  const rows = []
  for (const count of [1, all.length]) rows.push(await plan(kubeconfig, all.slice(0, count)))
  const within = rows.every(({ totalMs, peakBytes }) => totalMs < mostMs && peakBytes < mostBytes)
  const verdict = within ? 'within' : 'OVER'
  if (json) console.log(JSON.stringify({ mostMs, mostBytes, rows, verdict }))
  else print(rows, verdict)
  process.exitCode = within ? 0 : 1
} finally {
  await server.stop()
  rmSync(folder, { recursive: true })
}

async function plan(kubeconfig, namespaces) {
  const entry = fileURLToPath(new URL('plan/planner.mjs', import.meta.url))
  const child = fork(entry, [kubeconfig, ...namespaces])
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the planner ended with ${code}`)
  })
  ended.catch(() => undefined)
  const [figures] = await Promise.race([once(child, 'message'), ended])
  return { migrated: namespaces.length, ...figures }
}

function print(rows, verdict) {
  console.log('namespaces planned  pods read  reading, s  in all, s  peak RSS, MiB  steps')
  for (const { migrated, pods, readMs, totalMs, peakBytes, steps } of rows) {
    const cells = [
      [migrated, 18],
      [pods, 9],
      [(readMs / 1000).toFixed(1), 10],
      [(totalMs / 1000).toFixed(1), 9],
      [(peakBytes / 2 ** 20).toFixed(0), 13],
      [steps, 5],
    ]
    console.log(cells.map(([value, width]) => String(value).padStart(width)).join('  '))
  }
  console.log(`verdict: ${verdict} (${mostMs / 1000} s, ${mostBytes / 2 ** 20} MiB)`)
}
