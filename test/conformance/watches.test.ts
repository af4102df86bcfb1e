import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { configMap, PATCH, type Server, startServer } from './server.ts'

let server: Server
const maps = (...rest: string[]) => server.path('configmaps', ...rest)

before(async () => {
  server = await startServer()
})
after(() => server.stop())

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the server gives
type Event = { type: string; object: any }

/** Events one by one; `next` waits for the following one. */
async function watch(query: Record<string, string>, path = maps()) {
  const search = new URLSearchParams({ watch: '1', timeoutSeconds: '60', ...query })
  const answer = await server.open('GET', `${path}?${search}`)
  const lines = createInterface({ input: answer })[Symbol.asyncIterator]()
  return {
    status: answer.statusCode,
    next: async (): Promise<Event | undefined> => {
      const { value, done } = await lines.next()
      return done ? undefined : JSON.parse(value)
    },
    close: () => answer.destroy(),
  }
}

const title = (event: Event | undefined) => event && `${event.type} ${event.object.metadata?.name}`
const make = (name: string, labels: Record<string, string>) =>
  server.call('POST', maps(), { body: configMap(name, {}, { labels }) })
const relabel = (name: string, labels: Record<string, string | null>) =>
  server.call('PATCH', maps(name), { body: { metadata: { labels } }, type: PATCH.merge })

test('a watch from a version shows every change since, in order, and goes on', async () => {
  const { json } = await make('from', { set: 'order' })
  await make('then', { set: 'order' })
  await relabel('then', { more: 'yes' })
  const { resourceVersion } = json.metadata
  const events = await watch({ resourceVersion, labelSelector: 'set=order' })
  assert.equal(title(await events.next()), 'ADDED then')
  const changed = await events.next()
  assert.deepEqual([title(changed), changed?.object.metadata.labels.more], ['MODIFIED then', 'yes'])
  await server.call('DELETE', maps('then'))
  const deleted = await events.next()
  assert.equal(title(deleted), 'DELETED then')
  // What had nothing to wait for goes as it was.
  assert.equal(deleted?.object.metadata.deletionTimestamp, undefined)
  const version = Number(deleted?.object.metadata.resourceVersion)
  assert.ok(version > Number(changed?.object.metadata.resourceVersion))
  events.close()
})

test('a watch without a version begins with what there is', async () => {
  await make('present', { set: 'initial' })
  const events = await watch({ labelSelector: 'set=initial' })
  assert.equal(title(await events.next()), 'ADDED present')
  events.close()
})

test('a watch after a list misses nothing that happened between them', async () => {
  await make('listed', { set: 'between' })
  const listed = await server.call('GET', `${maps()}?labelSelector=set%3Dbetween`)
  await make('between', { set: 'between' })
  const { resourceVersion } = listed.json.metadata
  const events = await watch({ resourceVersion, labelSelector: 'set=between' })
  assert.equal(title(await events.next()), 'ADDED between')
  events.close()
})

test('objects enter and leave the view of a selector', async () => {
  const { json } = await make('mover', { set: 'out' })
  const { resourceVersion } = json.metadata
  const events = await watch({ resourceVersion, labelSelector: 'set=in' })
  await relabel('mover', { set: 'in' })
  assert.equal(title(await events.next()), 'ADDED mover')
  await relabel('mover', { extra: '1' })
  assert.equal(title(await events.next()), 'MODIFIED mover')
  await relabel('mover', { set: 'out' })
  assert.equal(title(await events.next()), 'DELETED mover')
  events.close()
})

test('one object is watched by its name', async () => {
  const { json } = await make('single', {})
  const { resourceVersion } = json.metadata
  const events = await watch({ resourceVersion, fieldSelector: 'metadata.name=single' })
  await make('other', {})
  await relabel('single', { a: '1' })
  assert.equal(title(await events.next()), 'MODIFIED single')
  events.close()
})

test('a watch ends by itself, with a bookmark to resume from', async () => {
  const { json } = await make('marked', {})
  const { resourceVersion } = json.metadata
  const query = { resourceVersion, timeoutSeconds: '6', allowWatchBookmarks: 'true' }
  const events = await watch(query)
  // Where nothing happened since, there may be nothing newer to resume from.
  await relabel('marked', { moved: 'on' })
  const change = await events.next()
  assert.equal(title(change), 'MODIFIED marked')
  const bookmark = await events.next()
  assert.equal(bookmark?.type, 'BOOKMARK')
  assert.equal(bookmark?.object.kind, 'ConfigMap')
  const seen = Number(change?.object.metadata.resourceVersion)
  assert.ok(Number(bookmark?.object.metadata.resourceVersion) >= seen)
  let last: Event | undefined = bookmark
  while (last !== undefined) last = await events.next()
})

test('a version that the server has forgotten is answered with 410', async (t) => {
  if (server.embedded) {
    for (let n = 0; n < 250; n += 1) await relabel('marked', { n: String(n) })
  }
  const events = await watch({ resourceVersion: '2', timeoutSeconds: '5' })
  const first = await events.next()
  events.close()
  if (first?.type !== 'ERROR' && !server.embedded) {
    return t.skip('this cluster still remembers its beginnings')
  }
  assert.deepEqual(
    [first?.type, first?.object.kind, first?.object.code, first?.object.reason],
    ['ERROR', 'Status', 410, 'Expired'],
  )
})

test('a streaming list marks where the initial events end', async (t) => {
  const events = await watch({
    sendInitialEvents: 'true',
    resourceVersionMatch: 'NotOlderThan',
    allowWatchBookmarks: 'true',
  })
  if (events.status === 422 && !server.embedded) return t.skip('this cluster has no WatchList')
  let event = await events.next()
  if (event?.type === 'ERROR' && !server.embedded) {
    assert.match(event.object.message, /storage feature RequestWatchProgress is disabled/)
    return t.skip('its etcd is too old: WatchList needs 3.4.31 or 3.5.13')
  }
  let seen = 0
  for (; event?.type === 'ADDED'; event = await events.next()) seen += 1
  assert.ok(seen > 0)
  assert.equal(event?.object.metadata.annotations['k8s.io/initial-events-end'], 'true')
  events.close()
})

test('a watch with a selector nobody can read is refused, not begun', async () => {
  const answer = await server.call('GET', `${maps()}?watch=1&labelSelector=a%3D%3D%3D`)
  assert.deepEqual([answer.status, answer.json.kind], [400, 'Status'])
})
