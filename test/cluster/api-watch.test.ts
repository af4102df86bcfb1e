import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { type ApiFixture, configMap, startApi } from './api-fixture.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const inDefault = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'default',
  name,
})
let api: ApiFixture

before(async () => {
  api = await startApi({ store: { historyLength: 10 } })
})
after(() => api.stop())

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the server gives
type Event = { type: string; object: any }

/** Events one by one; `next` waits for the following one. */
function events(answer: IncomingMessage) {
  const lines = createInterface({ input: answer })[Symbol.asyncIterator]()
  return {
    next: async (): Promise<Event | undefined> => {
      const { value, done } = await lines.next()
      return done ? undefined : JSON.parse(value)
    },
    close: () => answer.destroy(),
  }
}

const title = (event: Event | undefined) => event && `${event.type} ${event.object.metadata?.name}`

test('a watch from a version shows what happened since, in order, and goes on', async () => {
  const start = api.store.create(configMap('w1')).metadata.resourceVersion
  api.store.create(configMap('w2'))
  api.store.update(configMap('w2', { n: '1' }))
  const watch = events(await api.open('GET', `${MAPS}?watch=1&resourceVersion=${start}`))
  assert.equal(title(await watch.next()), 'ADDED w2')
  assert.equal(title(await watch.next()), 'MODIFIED w2')
  api.store.delete(inDefault('w2'))
  const deleted = await watch.next()
  assert.equal(title(deleted), 'DELETED w2')
  assert.equal(deleted?.object.metadata.resourceVersion, api.store.resourceVersion)
  watch.close()
})

test('a watch without a version begins with everything there is', async () => {
  const watch = events(await api.open('GET', `${MAPS}?watch=true&labelSelector=!hidden`))
  api.store.create(configMap('w0', {}, { hidden: 'yes' }))
  assert.equal(title(await watch.next()), 'ADDED w1')
  api.store.update(configMap('w0'))
  assert.equal(title(await watch.next()), 'ADDED w0')
  watch.close()
})

test('a version the server has forgotten ends the watch with 410', async () => {
  for (let n = 0; n < 40; n += 1) api.store.update(configMap('w1', { n: String(n) }))
  const watch = events(await api.open('GET', `${MAPS}?watch=1&resourceVersion=3`))
  const error = await watch.next()
  assert.deepEqual(
    [error?.type, error?.object.kind, error?.object.code, error?.object.reason],
    ['ERROR', 'Status', 410, 'Expired'],
  )
  assert.equal(await watch.next(), undefined)
})

test('a watch ends after timeoutSeconds with a bookmark for whoever asked for one', async () => {
  const version = api.store.resourceVersion
  const query = `watch=1&resourceVersion=${version}&timeoutSeconds=1&allowWatchBookmarks=true`
  const watch = events(await api.open('GET', `${MAPS}?${query}`))
  const bookmark = await watch.next()
  assert.equal(bookmark?.type, 'BOOKMARK')
  assert.equal(bookmark?.object.metadata.resourceVersion, version)
  assert.equal(await watch.next(), undefined)
})

test('a streaming list ends its initial events with a marked bookmark', async () => {
  const query =
    'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const watch = events(await api.open('GET', `${MAPS}?${query}`))
  let event = await watch.next()
  while (event?.type === 'ADDED') event = await watch.next()
  assert.equal(event?.type, 'BOOKMARK')
  assert.equal(event?.object.metadata.annotations['k8s.io/initial-events-end'], 'true')
  watch.close()
})

test('a watch with a selector nobody can read is refused, not begun', async () => {
  const answer = await api.call('GET', `${MAPS}?watch=1&labelSelector=a%3D%3D%3D`)
  assert.deepEqual([answer.status, answer.json.kind], [400, 'Status'])
})

test('closing the server ends its watches', async () => {
  const other = await startApi()
  const answer = await other.open('GET', `${MAPS}?watch=1`)
  answer.resume()
  const ended = once(answer, 'end')
  await other.stop()
  await ended
})

test('200 watches hear of every change, each in order', async () => {
  const watches = await Promise.all(
    Array.from({ length: 200 }, () =>
      api.open('GET', `${MAPS}?watch=1&resourceVersion=${api.store.resourceVersion}`),
    ),
  )
  const wanted = Array.from({ length: 50 }, (_, n) => `crowd-${n}`)
  const heard = watches.map(async (stream) => {
    const names: string[] = []
    let rest = ''
    for await (const text of stream.setEncoding('utf8')) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      names.push(...lines.map((line) => JSON.parse(line).object.metadata.name))
      if (names.length >= wanted.length) break
    }
    return names
  })
  for (const name of wanted) api.store.create(configMap(name))
  for (const names of await Promise.all(heard)) assert.deepEqual(names, wanted)
})
