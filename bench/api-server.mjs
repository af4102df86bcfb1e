// What the embedded API server costs with many objects and many watches, in a process of its own:
//   npm run build && node bench/api-server.mjs [OBJECTS] [WATCHES]
// Its requirement on two cores: a page of 500 out of 5,000 pods within 50 ms at p99, 250 MiB at most,
// and a client that never reads its watch costs no more than the bound on what waits for it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { fileURLToPath } from 'node:url'

const objects = Number(process.argv[2] ?? 5_000)
const watches = Number(process.argv[3] ?? 200)
const pageLength = 500
const rounds = 20
const changes = 200
const pods = '/api/v1/namespaces/default/pods'
const dist = (path) => new URL(`../dist/${path}`, import.meta.url).href

if (process.env.BENCH_ROLE === 'server') await serve()
else await measure()

async function serve() {
  const { createStore } = await import(dist('cluster/api/memory-store.js'))
  const { startApiServer } = await import(dist('cluster/api/server.js'))
  const { createAuthority } = await import(dist('cluster/ca/authority.js'))
  const store = createStore()
  const ca = await createAuthority({ trustDomain: 'bench' })
  const { port, token, caPem } = await startApiServer({ store, ca })
  for (let index = 0; index < objects; index += 1) store.create(pod(index))
  const touch = (round) => {
    const name = `pod-${String(round % objects).padStart(5, '0')}`
    store.mutateStatus({ apiVersion: 'v1', kind: 'Pod', namespace: 'default', name }, (found) => ({
      ...found,
      status: { ...found.status, message: `change ${round}` },
    }))
  }
  process.on('disconnect', () => process.exit())
  process.on('message', ({ ask, count }) => {
    if (ask === 'memory') {
      process.send({ rssBytes: process.memoryUsage.rss(), cpu: process.cpuUsage() })
    }
    if (ask === 'changes') {
      let done = 0
      const some = () => {
        for (let n = 0; n < 10 && done < count; n += 1, done += 1) touch(done)
        if (done < count) setImmediate(some)
        else process.send({ changed: count })
      }
      some()
    }
  })
  process.send({ port, token, caPem })
}

function pod(index) {
  const name = `pod-${String(index).padStart(5, '0')}`
  const env = Array.from({ length: 10 }, (_, n) => ({ name: `VARIABLE_${n}`, value: `value ${n}` }))
  const ports = [{ containerPort: 8080, protocol: 'TCP' }]
  const containers = ['app', 'istio-proxy'].map((container) => ({
    name: container,
    image: `meshbench/${container}`,
    env,
    ports,
  }))
  const labels = { app: `app-${index % 50}`, 'pod-template-hash': 'abcdefghij' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec: { containers },
  }
}

async function measure() {
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
    env: { ...process.env, BENCH_ROLE: 'server' },
  })
  const [{ port, token, caPem }] = await once(child, 'message')
  const agent = new Agent({ keepAlive: true })
  const open = (path) =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      request({ host: '127.0.0.1', port, path, ca: caPem, headers, agent }, resolve)
        .once('error', reject)
        .end()
    })
  const get = async (path) => {
    const chunks = []
    for await (const chunk of await open(path)) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  const ask = async (message) => {
    child.send(message)
    const [answer] = await once(child, 'message')
    return answer
  }
  const mebibytes = (bytes) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`
  const memory = async (what) => {
    const { rssBytes, cpu } = await ask({ ask: 'memory' })
    const seconds = ((cpu.user + cpu.system) / 1e6).toFixed(1)
    console.log(`${what}: ${mebibytes(rssBytes)} resident, ${seconds} s of CPU so far`)
    return rssBytes
  }

  await memory(`${objects} pods stored`)
  const latencies = []
  let bytes = 0
  for (let round = 0; round < rounds; round += 1) {
    let next = ''
    do {
      const begun = performance.now()
      const body = await get(`${pods}?limit=${pageLength}${next && `&continue=${next}`}`)
      latencies.push(performance.now() - begun)
      bytes += body.length
      // Only the end of the head is needed, not half a megabyte of objects.
      next = /"continue":"([^"]+)"/.exec(body.subarray(0, 400).toString())?.[1] ?? ''
    } while (next !== '')
  }
  latencies.sort((a, b) => a - b)
  const at = (share) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]
  console.log(
    `${latencies.length} pages of ${pageLength} (${mebibytes(bytes / rounds)} a list): p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms`,
  )
  const afterLists = await memory(`${rounds} lists later`)

  let lines = 0
  const version = /"resourceVersion":"(\d+)"/.exec((await get(`${pods}?limit=1`)).toString())?.[1]
  let enough
  const heard = new Promise((resolve) => {
    enough = resolve
  })
  const watching = []
  for (let index = 0; index < watches; index += 1) {
    const answer = await open(`${pods}?watch=1&resourceVersion=${version}`)
    watching.push(answer)
    answer.on('error', () => undefined)
    answer.on('data', (chunk) => {
      for (const byte of chunk) if (byte === 10) lines += 1
      if (lines >= watches * changes) enough()
    })
  }
  await memory(`${watches} watches open`)
  const begun = performance.now()
  await ask({ ask: 'changes', count: changes })
  await heard
  const tookMs = performance.now() - begun
  console.log(
    `${changes} changes told to ${watches} watches (${lines} events) in ${tookMs.toFixed(0)} ms, ${((tookMs * 1000) / lines).toFixed(0)} µs an event`,
  )
  const afterWatches = await memory('after that')
  for (const answer of watching) answer.destroy()

  // Never read: what is not taken off piles up until the server gives up on the client.
  const deaf = await open(`${pods}?watch=1&resourceVersion=${version}`)
  deaf.on('error', () => undefined)
  deaf.pause()
  await ask({ ask: 'changes', count: objects })
  const afterDeaf = await memory(`${objects} changes with one client that does not read`)
  const most = Math.max(afterLists, afterWatches, afterDeaf)
  console.log(
    `verdict: page p99 ${at(0.99) < 50 ? 'within' : 'OVER'} 50 ms, memory ${most < 250 * 1024 * 1024 ? 'within' : 'OVER'} 250 MiB`,
  )
  child.disconnect()
  agent.destroy()
  process.exit()
}
