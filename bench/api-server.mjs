// What the embedded API server costs with many objects and many watches, in a process of its own:
//   npm run bench:api            or: node bench/api-server.mjs [OBJECTS] [WATCHES]
// Its requirement on two cores: a page of 500 out of 5,000 pods within 50 ms at p99, 250 MiB at most,
// and a client that never reads its watch costs no more than the bound on what waits for it. At the
// end a large estate, 500 namespaces with 20,000 pods: how long a list and a namespace take.
import { largeEstate } from '../dist/test/fixtures/many-objects.js'
import { listInPages, startServer } from './api/client.mjs'

const objects = Number(process.argv[2] ?? 5_000)
const watches = Number(process.argv[3] ?? 200)
const pageLength = 500
const rounds = 50
const changes = 200
const maxLatencyMs = 50
const maxBytes = 250 * 1024 * 1024
const allPods = '/api/v1/pods'
const mebibytes = (bytes) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`
const milliseconds = (ms) => `${ms.toFixed(1)} ms`

const verdicts = [await manyPods(), await manyWatches()]
await manyNamespaces()
const failed = verdicts.flat().filter(({ ok }) => !ok)
for (const { what } of failed) console.log(`OVER: ${what}`)
console.log(failed.length === 0 ? 'verdict: within' : 'verdict: OVER')
process.exitCode = failed.length === 0 ? 0 : 1

async function manyPods() {
  const server = await startServer({ namespaces: 10, pods: objects, nodes: 10 })
  await report(server, `${objects} pods stored`)
  // Every object is encoded once; that is the cost of writing it, not of listing.
  const first = await listInPages(server, allPods, pageLength)
  const before = await server.usage()
  const latenciesMs = [...first.latenciesMs]
  for (let round = 1; round < rounds; round += 1) {
    latenciesMs.push(...(await listInPages(server, allPods, pageLength)).latenciesMs)
  }
  const after = await server.usage()
  const pages = latenciesMs.length - first.latenciesMs.length
  const p99 = at(latenciesMs, 0.99)
  console.log(
    `${latenciesMs.length} pages of ${pageLength} (${mebibytes(first.bytes)} a list): ` +
      `p50 ${milliseconds(at(latenciesMs, 0.5))}, p99 ${milliseconds(p99)}, ` +
      `the server's CPU ${milliseconds((after.cpuMs - before.cpuMs) / pages)} a page`,
  )
  const rssBytes = await report(server, `${rounds} lists later`)
  await server.stop()
  return [
    { what: `p99 of a page: ${milliseconds(p99)}`, ok: p99 < maxLatencyMs },
    { what: `memory: ${mebibytes(rssBytes)}`, ok: rssBytes < maxBytes },
  ]
}

async function manyWatches() {
  const server = await startServer({ namespaces: 10, pods: objects, nodes: 10 })
  const page = (await server.get(`${allPods}?limit=1`)).toString()
  const version = /"resourceVersion":"(\d+)"/.exec(page)?.[1]
  let lines = 0
  let enough
  const heard = new Promise((resolve) => {
    enough = resolve
  })
  const watching = []
  for (let index = 0; index < watches; index += 1) {
    const answer = await server.open(`${allPods}?watch=1&resourceVersion=${version}`)
    watching.push(answer)
    answer.on('error', () => undefined)
    answer.on('data', (chunk) => {
      for (const byte of chunk) if (byte === 10) lines += 1
      if (lines >= watches * changes) enough()
    })
  }
  await report(server, `${watches} watches open`)
  const begun = performance.now()
  const before = await server.usage()
  await server.change(changes)
  await heard
  const tookMs = performance.now() - begun
  const cpuMs = (await server.usage()).cpuMs - before.cpuMs
  console.log(
    `${changes} changes told to ${watches} watches (${lines} events) in ${tookMs.toFixed(0)} ms, ` +
      `${((cpuMs * 1000) / lines).toFixed(0)} µs of the server's CPU an event`,
  )
  for (const answer of watching) answer.destroy()

  // Never read: what is not taken off piles up until the server gives up on the client.
  const deaf = await server.open(`${allPods}?watch=1&resourceVersion=${version}`)
  deaf.on('error', () => undefined)
  deaf.pause()
  await server.change(objects)
  const rssBytes = await report(server, `${objects} changes with one client that does not read`)
  deaf.destroy()
  await server.stop()
  return [{ what: `memory with watches: ${mebibytes(rssBytes)}`, ok: rssBytes < maxBytes }]
}

async function manyNamespaces() {
  const { namespaces, pods } = largeEstate
  const server = await startServer({ ...largeEstate, labels: {} })
  await report(server, `${namespaces} namespaces, ${pods} pods stored`)
  for (const what of ['first', 'second']) {
    const begun = performance.now()
    const { latenciesMs, bytes } = await listInPages(server, allPods, pageLength)
    console.log(
      `the ${what} list of all in ${latenciesMs.length} pages (${mebibytes(bytes)}): ` +
        `${((performance.now() - begun) / 1000).toFixed(2)} s, p99 ${milliseconds(at(latenciesMs, 0.99))}`,
    )
  }
  const latenciesMs = []
  for (let index = 0; index < namespaces; index += 1) {
    const path = `/api/v1/namespaces/team-${String(index).padStart(3, '0')}/pods`
    latenciesMs.push(...(await listInPages(server, path, pageLength)).latenciesMs)
  }
  console.log(
    `${namespaces} lists of one namespace each: p50 ${milliseconds(at(latenciesMs, 0.5))}, p99 ${milliseconds(at(latenciesMs, 0.99))}`,
  )
  await report(server, 'after that')
  await server.stop()
}

async function report(server, what) {
  const { rssBytes, cpuMs } = await server.usage()
  console.log(
    `${what}: ${mebibytes(rssBytes)} resident, ${(cpuMs / 1000).toFixed(1)} s of CPU so far`,
  )
  return rssBytes
}

function at(values, share) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}
