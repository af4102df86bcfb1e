import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { configMap, fields, names, type Server, startServer } from './server.ts'

let server: Server
const maps = (...rest: string[]) => server.path('configmaps', ...rest)
const list = (query: Record<string, string>) =>
  server.call('GET', `${maps()}?${new URLSearchParams(query)}`)

before(async () => {
  server = await startServer()
  const labels = [{ app: 'a' }, { app: 'b', tier: '1' }, { tier: '2' }, {}, { app: 'c' }]
  for (const [index, own] of labels.entries()) {
    const metadata = { labels: { ...own, suite: 'lists' } }
    await server.call('POST', maps(), { body: configMap(`l${index + 1}`, {}, metadata) })
  }
})
after(() => server.stop())

test('label selectors choose by equality, by sets and by presence', async () => {
  const cases: Record<string, string[]> = {
    'suite=lists': ['l1', 'l2', 'l3', 'l4', 'l5'],
    'app=a': ['l1'],
    'app==a': ['l1'],
    'app in (a, b)': ['l1', 'l2'],
    'suite,app notin (a,b)': ['l3', 'l4', 'l5'],
    'suite,app!=a': ['l2', 'l3', 'l4', 'l5'],
    'suite,!app': ['l3', 'l4'],
    'app,tier': ['l2'],
    'tier>1': ['l3'],
  }
  for (const [labelSelector, expected] of Object.entries(cases)) {
    const { status, json } = await list({ labelSelector })
    assert.deepEqual([status, names(json)], [200, expected], labelSelector)
  }
  for (const labelSelector of ['a===b', 'a in b', 'a=b c', '-a=b', 'a=b,,']) {
    const { status, json } = await list({ labelSelector })
    assert.deepEqual([status, json.kind], [400, 'Status'], labelSelector)
  }
})

test('field selectors choose by the fields that a kind offers', async () => {
  assert.deepEqual(names((await list({ fieldSelector: 'metadata.name=l2' })).json), ['l2'])
  const rest = await list({ fieldSelector: 'metadata.name!=l2', labelSelector: 'app' })
  assert.deepEqual(names(rest.json), ['l1', 'l5'])
  assert.equal((await list({ fieldSelector: 'data.a=b' })).status, 400)
  const secrets = server.path('secrets')
  for (const type of ['Opaque', 'example.com/own']) {
    const metadata = { name: type === 'Opaque' ? 'plain' : 'own' }
    await server.call('POST', secrets, { body: { metadata, type } })
  }
  const own = await server.call('GET', `${secrets}?fieldSelector=type%3Dexample.com%2Fown`)
  assert.deepEqual(names(own.json), ['own'])
})

test('pages are as long as asked for and all show the same moment', async () => {
  const first = await list({ labelSelector: 'suite=lists', limit: '2' })
  assert.deepEqual(names(first.json), ['l1', 'l2'])
  const metadata = { labels: { suite: 'lists' } }
  await server.call('POST', maps(), { body: configMap('l21', {}, metadata) })
  await server.call('DELETE', maps('l3'))
  const seen: string[] = []
  let next = first.json.metadata.continue
  while (next) {
    const page = await list({ labelSelector: 'suite=lists', limit: '2', continue: next })
    assert.equal(page.status, 200, page.text)
    assert.equal(page.json.metadata.resourceVersion, first.json.metadata.resourceVersion)
    seen.push(...names(page.json))
    next = page.json.metadata.continue
  }
  assert.deepEqual(seen, ['l3', 'l4', 'l5'])
  const now = await list({ labelSelector: 'suite=lists' })
  assert.deepEqual(names(now.json), ['l1', 'l2', 'l21', 'l4', 'l5'])
})

test('how many items remain is told unless a selector makes it a guess', async () => {
  const all = (await list({})).json.items.length
  const page = await list({ limit: '1' })
  assert.equal(page.json.metadata.remainingItemCount, all - 1)
  const selected = await list({ limit: '1', labelSelector: 'suite' })
  assert.equal(selected.json.metadata.remainingItemCount, undefined)
  assert.ok(selected.json.metadata.continue)
})

test('a made-up continue token is refused', async () => {
  const { status, json } = await list({ limit: '1', continue: 'nonsense' })
  assert.deepEqual([status, json.reason], [400, 'BadRequest'])
})

test('a list shows no earlier moment than it is asked for, or just that one', async () => {
  const now = await list({ labelSelector: 'suite=lists' })
  const { resourceVersion } = now.json.metadata
  const made = await server.call('POST', maps(), {
    body: configMap('late', {}, { labels: { suite: 'late' } }),
  })
  const exact = { resourceVersion, resourceVersionMatch: 'Exact' }
  const then = await list({ ...exact, labelSelector: 'suite in (lists, late)' })
  assert.deepEqual(names(then.json), names(now.json))
  assert.equal(then.json.metadata.resourceVersion, resourceVersion)
  const least = { resourceVersion: made.json.metadata.resourceVersion }
  const since = await list({ ...least, labelSelector: 'suite=late' })
  assert.deepEqual(names(since.json), ['late'])
  const future = String(Number(resourceVersion) + 1_000_000)
  const early = await list({ resourceVersion: future, resourceVersionMatch: 'NotOlderThan' })
  assert.deepEqual(
    [early.status, early.json.reason, early.json.details.causes[0].reason],
    [504, 'Timeout', 'ResourceVersionTooLarge'],
  )
})

test('moments that contradict one another are refused', async () => {
  const match = 'resourceVersionMatch'
  const contradictions: Record<string, string>[] = [
    { [match]: 'Exact' },
    { [match]: 'Exact', resourceVersion: '0' },
    { [match]: 'Sometimes', resourceVersion: '1' },
    { [match]: 'NotOlderThan', resourceVersion: '1', watch: '1' },
  ]
  for (const query of contradictions) {
    const { status, json } = await list(query)
    assert.equal(status, 422, JSON.stringify(query))
    assert.ok(
      fields(json).every((field) => field === match),
      json.message,
    )
    assert.equal(json.details.kind, 'ListOptions')
  }
  const { status, json } = await list({ sendInitialEvents: 'true' })
  assert.deepEqual([status, fields(json)], [422, ['sendInitialEvents']])
})

test('a list begun too long ago has to be begun anew', async (t) => {
  const page = await list({ limit: '1' })
  if (!server.embedded) return t.skip('only the embedded server can be made to forget in time')
  for (let n = 0; n < 250; n += 1) {
    await server.call('PUT', maps('l1'), { body: configMap('l1', { n: String(n) }) })
  }
  const late = await list({ limit: '1', continue: page.json.metadata.continue })
  assert.deepEqual([late.status, late.json.reason, late.json.code], [410, 'Expired', 410])
})

test('a list of items has one version, and lists over all namespaces have every namespace', async () => {
  const one = await list({ limit: '500' })
  assert.deepEqual([one.json.kind, one.json.apiVersion], ['ConfigMapList', 'v1'])
  assert.match(one.json.metadata.resourceVersion, /^\d+$/)
  const all = await server.call('GET', '/api/v1/configmaps?labelSelector=suite%3Dlists')
  const homes = all.json.items.map(
    (it: { metadata: { namespace: string } }) => it.metadata.namespace,
  )
  assert.ok(homes.includes(server.namespace))
})

test('a client can have tables or metadata instead of objects', async () => {
  const asTable = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  const table = await server.call('GET', maps(), { accept: asTable })
  assert.deepEqual([table.json.kind, table.json.apiVersion], ['Table', 'meta.k8s.io/v1'])
  const columns = table.json.columnDefinitions.map(({ name }: { name: string }) => name)
  assert.deepEqual(columns, ['Name', 'Data', 'Age'])
  const row = table.json.rows.find((it: { cells: unknown[] }) => it.cells[0] === 'l2')
  assert.deepEqual([row.object.kind, row.object.metadata.name], ['PartialObjectMetadata', 'l2'])
  const partial = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'
  const metadata = await server.call('GET', maps(), { accept: partial })
  assert.equal(metadata.json.kind, 'PartialObjectMetadataList')
  assert.equal(metadata.json.items[0].data, undefined)
  const single = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'
  const one = await server.call('GET', maps('l2'), { accept: single })
  assert.deepEqual(
    [one.json.kind, one.json.metadata.labels.tier, one.json.data],
    ['PartialObjectMetadata', '1', undefined],
  )
})

test('a table has the columns of its kind, and more where there is room', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  const wide = ['Containers', 'Images', 'Selector']
  const columns: Record<string, readonly string[]> = {
    pods: [
      ...['Name', 'Ready', 'Status', 'Restarts', 'Age'],
      ...['IP', 'Node', 'Nominated Node', 'Readiness Gates'],
    ],
    services: ['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', 'Selector'],
    secrets: ['Name', 'Type', 'Data', 'Age'],
    events: [
      ...['Last Seen', 'Type', 'Reason', 'Object', 'Subobject', 'Source', 'Message'],
      ...['First Seen', 'Count', 'Name'],
    ],
    'apps/v1/deployments': ['Name', 'Ready', 'Up-to-date', 'Available', 'Age', ...wide],
    'apps/v1/replicasets': ['Name', 'Desired', 'Current', 'Ready', 'Age', ...wide],
    'apps/v1/statefulsets': ['Name', 'Ready', 'Age', 'Containers', 'Images'],
    'apps/v1/daemonsets': [
      ...['Name', 'Desired', 'Current', 'Ready', 'Up-to-date', 'Available', 'Node Selector'],
      ...['Age', ...wide],
    ],
    'apps/v1/controllerrevisions': ['Name', 'Controller', 'Revision', 'Age'],
    'batch/v1/jobs': ['Name', 'Status', 'Completions', 'Duration', 'Age', ...wide],
    'policy/v1/poddisruptionbudgets': [
      ...['Name', 'Min Available', 'Max Unavailable', 'Allowed Disruptions', 'Age'],
    ],
    'networking.k8s.io/v1/networkpolicies': ['Name', 'Pod-Selector', 'Age'],
    'discovery.k8s.io/v1/endpointslices': ['Name', 'AddressType', 'Ports', 'Endpoints', 'Age'],
    'coordination.k8s.io/v1/leases': ['Name', 'Holder', 'Age'],
  }
  for (const [resource, expected] of Object.entries(columns)) {
    const { json } = await server.call('GET', server.path(resource), { accept })
    const titles = json.columnDefinitions.map(({ name }: { name: string }) => name)
    assert.deepEqual(titles, expected, resource)
  }
  const nodes = await server.call('GET', '/api/v1/nodes', { accept })
  assert.deepEqual(
    nodes.json.columnDefinitions.map(({ name, priority }: { name: string; priority: number }) =>
      priority > 0 ? `(${name})` : name,
    ),
    [
      ...['Name', 'Status', 'Roles', 'Age', 'Version', '(Internal-IP)', '(External-IP)'],
      ...['(OS-Image)', '(Kernel-Version)', '(Container-Runtime)'],
    ],
  )
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const definitions = await server.call('GET', path, { accept })
  assert.deepEqual(
    definitions.json.columnDefinitions.map(({ name }: { name: string }) => name),
    ['Name', 'Created At'],
  )
})
