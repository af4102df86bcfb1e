import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ApiFixture, configMap, pod, startApi } from './api-fixture.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
let api: ApiFixture

before(async () => {
  api = await startApi({ store: { historyLength: 50 } })
})
after(() => api.stop())

test('POST, GET, PUT and DELETE answer with the codes and bodies of Kubernetes', async () => {
  const made = await api.call('POST', MAPS, { body: configMap('crud', { n: '1' }) })
  assert.equal(made.status, 201)
  const read = await api.call('GET', `${MAPS}/crud`)
  assert.deepEqual([read.status, read.json], [200, made.json])
  const put = await api.call('PUT', `${MAPS}/crud`, { body: { ...made.json, data: { n: '2' } } })
  assert.deepEqual([put.status, put.json.data], [200, { n: '2' }])
  const stale = await api.call('PUT', `${MAPS}/crud`, { body: made.json })
  assert.deepEqual([stale.status, stale.json.reason], [409, 'Conflict'])
  const gone = await api.call('DELETE', `${MAPS}/crud`)
  assert.deepEqual([gone.status, gone.json.kind, gone.json.status], [200, 'Status', 'Success'])
  const absent = await api.call('GET', `${MAPS}/crud`)
  assert.deepEqual(
    [absent.status, absent.json.kind, absent.json.reason, absent.json.details],
    [404, 'Status', 'NotFound', { name: 'crud', kind: 'configmaps' }],
  )
})

test('an object cannot be made in a namespace that is not there', async () => {
  const answer = await api.call('POST', '/api/v1/namespaces/nowhere/configmaps', {
    body: { metadata: { name: 'a' } },
  })
  assert.deepEqual([answer.status, answer.json.message], [404, 'namespaces "nowhere" not found'])
})

test('body and URL have to agree on what the object is', async () => {
  const wrong = [
    { ...configMap('a'), kind: 'Secret' },
    { ...configMap('a'), apiVersion: 'v2' },
    { ...configMap('a'), metadata: { name: 'a', namespace: 'kube-system' } },
  ]
  for (const body of wrong) assert.equal((await api.call('POST', MAPS, { body })).status, 400)
  await api.call('POST', MAPS, { body: configMap('agree') })
  const renamed = await api.call('PUT', `${MAPS}/agree`, { body: configMap('other') })
  assert.equal(renamed.status, 400)
})

test('an invalid object is refused with a cause for each field', async () => {
  const answer = await api.call('POST', MAPS, {
    body: configMap('Upper', {}, { 'bad key': 'v', ok: 'bad value' }),
  })
  assert.deepEqual([answer.status, answer.json.reason], [422, 'Invalid'])
  assert.deepEqual(
    answer.json.details.causes.map(({ field }: { field: string }) => field),
    ['metadata.name', 'metadata.labels', 'metadata.labels'],
  )
  assert.match(
    answer.json.message,
    /^ConfigMap "Upper" is invalid: \[metadata\.name: Invalid value/,
  )
})

test('lists come in pages that all show the same moment', async () => {
  for (const name of ['p1', 'p2', 'p3', 'p4', 'p5']) {
    await api.call('POST', MAPS, { body: configMap(name, {}, { set: 'pages' }) })
  }
  const query = `${MAPS}?labelSelector=set%3Dpages&limit=2`
  const names: string[] = []
  let next: string | undefined = ''
  let version: string | undefined
  while (next !== undefined) {
    const page = await api.call('GET', `${query}&continue=${next}`)
    names.push(...page.json.items.map((item: { metadata: { name: string } }) => item.metadata.name))
    version ??= page.json.metadata.resourceVersion
    assert.equal(page.json.metadata.resourceVersion, version)
    next = page.json.metadata.continue
    // What happens between pages shows in none of them.
    await api.call('DELETE', `${MAPS}/p${names.length + 1}`)
    await api.call('POST', MAPS, { body: configMap(`p0${names.length}`, {}, { set: 'pages' }) })
  }
  assert.deepEqual(names, ['p1', 'p2', 'p3', 'p4', 'p5'])
})

test('a continue token that is too old is answered with 410, a made-up one with 400', async () => {
  for (const name of ['o1', 'o2']) await api.call('POST', MAPS, { body: configMap(name) })
  const page = await api.call('GET', `${MAPS}?limit=1`)
  for (let n = 0; n < 120; n += 1) api.store.update(configMap('o1', { n: String(n) }))
  const late = await api.call('GET', `${MAPS}?limit=1&continue=${page.json.metadata.continue}`)
  assert.deepEqual([late.status, late.json.reason], [410, 'Expired'])
  assert.equal((await api.call('GET', `${MAPS}?limit=1&continue=nonsense`)).status, 400)
})

test('selectors choose by labels and by the fields a kind allows', async () => {
  const spec = { nodeName: 'n1' }
  api.store.create({
    ...pod('s1', spec),
    metadata: { name: 's1', namespace: 'default', labels: { app: 'a' } },
  })
  api.store.create({
    ...pod('s2'),
    metadata: { name: 's2', namespace: 'default', labels: { app: 'b' } },
  })
  api.store.create(pod('s3'))
  const names = async (query: string) => {
    const answer = await api.call('GET', `/api/v1/pods?${query}`)
    assert.equal(answer.status, 200, answer.text)
    return answer.json.items.map((item: { metadata: { name: string } }) => item.metadata.name)
  }
  const label = (selector: string) => names(`labelSelector=${encodeURIComponent(selector)}`)
  const field = (selector: string) => names(`fieldSelector=${encodeURIComponent(selector)}`)
  assert.deepEqual(await label('app=a'), ['s1'])
  assert.deepEqual(await label('app in (a, b)'), ['s1', 's2'])
  assert.deepEqual(await label('app notin (a)'), ['s2', 's3'])
  assert.deepEqual(await label('app!=a,app'), ['s2'])
  assert.deepEqual(await label('!app'), ['s3'])
  assert.deepEqual(await field('spec.nodeName=n1'), ['s1'])
  assert.deepEqual(await field('spec.nodeName!=n1,metadata.name!=s3'), ['s2'])
  for (const query of [
    'labelSelector=a%3D%3D%3Db',
    'labelSelector=a+in+b',
    'fieldSelector=spec.x%3D1',
  ]) {
    assert.equal((await api.call('GET', `/api/v1/pods?${query}`)).status, 400, query)
  }
  await api.call('DELETE', '/api/v1/namespaces/default/pods?gracePeriodSeconds=0')
})

test('deleting a collection takes what is selected and nothing else', async () => {
  for (const name of ['d1', 'd2']) api.store.create(configMap(name, {}, { drop: name }))
  const answer = await api.call('DELETE', `${MAPS}?labelSelector=drop%3Dd1`)
  assert.deepEqual(
    [answer.status, answer.json.kind, answer.json.items.length],
    [200, 'ConfigMapList', 1],
  )
  assert.equal((await api.call('GET', `${MAPS}/d2`)).status, 200)
})

test('a deletion with a precondition hits only the object meant', async () => {
  const made = api.store.create(configMap('exact'))
  const wrong = { preconditions: { uid: 'another' } }
  assert.equal((await api.call('DELETE', `${MAPS}/exact`, { body: wrong })).status, 409)
  const right = { preconditions: { uid: made.metadata.uid } }
  assert.equal((await api.call('DELETE', `${MAPS}/exact`, { body: right })).status, 200)
})

test('status and specification are written apart', async () => {
  const path = '/apis/apps/v1/namespaces/default/deployments'
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: { containers: [{ name: 'app', image: 'service' }] },
  }
  const spec = { selector: { matchLabels: { a: 'b' } }, template, replicas: 1 }
  const made = await api.call('POST', path, {
    body: { metadata: { name: 'web' }, spec, status: { replicas: 9 } },
  })
  assert.equal(made.json.status, undefined)
  const status = { ...made.json, status: { replicas: 1 }, spec: { replicas: 7 } }
  const written = await api.call('PUT', `${path}/web/status`, { body: status })
  assert.deepEqual([written.json.status, written.json.spec.replicas], [{ replicas: 1 }, 1])
  const { resourceVersion: _, ...metadata } = made.json.metadata
  const replaced = await api.call('PUT', `${path}/web`, {
    body: {
      ...made.json,
      metadata,
      status: { replicas: 5 },
      spec: { ...made.json.spec, replicas: 2 },
    },
  })
  assert.deepEqual([replaced.json.status, replaced.json.spec.replicas], [{ replicas: 1 }, 2])
  assert.equal((await api.call('GET', `${MAPS}/o1/status`)).status, 404)
})

test('scale reads and writes the replicas of a workload', async () => {
  const path = '/apis/apps/v1/namespaces/default/deployments/web/scale'
  const scale = await api.call('GET', path)
  assert.deepEqual(
    [scale.json.kind, scale.json.spec, scale.json.status.selector],
    ['Scale', { replicas: 2 }, 'a=b'],
  )
  const type = 'application/merge-patch+json'
  const scaled = await api.call('PATCH', path, { body: { spec: { replicas: 4 } }, type })
  assert.deepEqual([scaled.status, scaled.json.spec], [200, { replicas: 4 }])
  const put = await api.call('PUT', path, { body: { ...scaled.json, spec: { replicas: 3 } } })
  assert.deepEqual(put.json.spec, { replicas: 3 })
  const negative = await api.call('PUT', path, { body: { ...put.json, spec: { replicas: -1 } } })
  assert.equal(negative.status, 422)
})

test('a dry run of any write is answered as if, and changes nothing', async () => {
  api.store.create(configMap('kept', { n: '1' }))
  const before = api.store.resourceVersion
  const merge = { body: { data: { n: '2' } }, type: 'application/merge-patch+json' }
  const patched = await api.call('PATCH', `${MAPS}/kept?dryRun=All`, merge)
  assert.deepEqual(patched.json.data, { n: '2' })
  await api.call('PUT', `${MAPS}/kept?dryRun=All`, { body: configMap('kept', { n: '3' }) })
  await api.call('DELETE', `${MAPS}/kept?dryRun=All`)
  await api.call('DELETE', `${MAPS}/kept`, { body: { dryRun: ['All'] } })
  const made = await api.call('POST', `${MAPS}?dryRun=All`, { body: configMap('dry') })
  assert.equal(made.status, 201)
  const invalid = await api.call('POST', `${MAPS}?dryRun=All`, { body: configMap('No') })
  assert.equal(invalid.status, 422)
  assert.equal(
    (await api.call('POST', `${MAPS}?dryRun=Some`, { body: configMap('x') })).status,
    422,
  )
  assert.equal(api.store.resourceVersion, before)
})

test('methods and paths that mean nothing are told apart', async () => {
  assert.equal((await api.call('PUT', MAPS, { body: configMap('a') })).status, 405)
  assert.equal((await api.call('POST', `${MAPS}/a`, { body: configMap('a') })).status, 405)
  assert.equal((await api.call('POST', '/api/v1/configmaps', { body: configMap('a') })).status, 405)
  for (const path of ['/', '/apis/nope/v1/things', '/api/v1/namespaces/default/nope', '/metrics']) {
    const answer = await api.call('GET', path)
    assert.deepEqual([answer.status, answer.json.reason], [404, 'NotFound'], path)
  }
  assert.equal((await api.call('GET', `${MAPS}/%E0%A4%A`)).status, 400)
})
