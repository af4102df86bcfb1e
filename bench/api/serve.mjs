// The measured process: an API server over generated objects, told what to do over IPC.
import { createStore } from '../../dist/cluster/api/memory-store.js'
import { startApiServer } from '../../dist/cluster/api/server.js'
import { createAuthority } from '../../dist/cluster/ca/authority.js'
import { fillEstate } from '../../dist/test/fixtures/many-objects.js'

const estate = JSON.parse(process.argv[2])
const store = createStore()
const ca = await createAuthority({ trustDomain: 'bench' })
const { port, token, caPem } = await startApiServer({ store, ca })
fillEstate(store, estate)
const pods = store.snapshot({ apiVersion: 'v1', kind: 'Pod' }, {})
const names = pods.map(({ metadata: { name, namespace } }) => ({ name, namespace }))

const touch = (round) => {
  const name = names[round % names.length]
  store.mutateStatus({ apiVersion: 'v1', kind: 'Pod', ...name }, (found) => ({
    ...found,
    status: { ...found.status, message: `change ${round}` },
  }))
}
process.on('disconnect', () => process.exit())
process.on('message', ({ ask, count }) => {
  if (ask === 'usage') {
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
