import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, test } from 'node:test'
import type { DestinationPolicy, TrafficPolicy } from '../../proxies/config/l7.ts'
import { startDeafListener } from '../support/deaf-listener.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { total } from '../support/proxy-process.ts'
import {
  CLIENT_ID,
  SERVICE_KEY,
  SERVICE_PORT,
  type SidecarPair,
  startSidecarPair,
  workload,
} from '../support/sidecar-pair.ts'

let app: HttpApp
let pair: SidecarPair
before(async () => {
  app = await startHttpApp()
  pair = await startSidecarPair({ app: app.address })
})
after(async () => {
  app?.close()
  await pair?.stop()
})

interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

function get(path: string): Promise<Answer> {
  const { host, port } = pair.address
  return new Promise((resolve, reject) => {
    http
      .get({ host, port, path, agent: false, headers: { host: 'server' } }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      })
      .on('error', reject)
  })
}

const plainAddress = ({ address: { host, port } }: SidecarPair) => ({ host, port })

const rule = (traffic: TrafficPolicy): { destinations: readonly DestinationPolicy[] } => ({
  destinations: [{ service: SERVICE_KEY, traffic, subsets: [] }],
})

test("the server's sidecar refuses what a policy of its pod forbids", async () => {
  const principal = CLIENT_ID.replace('spiffe://', '')
  const policy = {
    name: 'p',
    namespace: 'shop',
    action: 'Allow',
    rules: [[[{ methods: [{ Exact: 'GET' }] }], [{ principals: [{ Exact: principal }] }]]],
  } as const
  await pair.applyL7('server', { policies: [policy] })
  assert.equal((await get('/')).status, 200)
  await pair.applyL7('server', { policies: [{ ...policy, rules: [] }] })
  const refused = await get('/')
  assert.deepEqual([refused.status, refused.body], [403, 'RBAC: access denied'])
  await pair.applyL7('server', {})
  assert.equal((await get('/')).status, 200)
})

test('an endpoint that only fails is left alone for a while', async () => {
  const outliers = {
    consecutive5xx: 2,
    intervalMs: 1_000,
    baseEjectionMs: 60_000,
    maxEjectionPercent: 100,
  }
  await pair.applyL7('client', rule({ outliers }))
  assert.equal((await get('/unavailable')).body, 'later')
  assert.equal((await get('/unavailable')).body, 'later')
  const ejected = await get('/')
  assert.deepEqual([ejected.status, ejected.body], [503, 'no healthy upstream'])
  await pair.applyL7('client', {})
  assert.equal((await get('/')).status, 200)
})

test('what is too much for the limits is answered 503 with flag UO', async () => {
  await pair.applyL7('client', rule({ limits: { connections: 1, pendingRequests: 1 } }))
  const answers = await Promise.all(Array.from({ length: 5 }, () => get('/slow')))
  const refused = answers.filter(({ status }) => status === 503)
  assert.ok(refused.length >= 3, `${refused.length} of 5 were refused`)
  assert.match(refused[0]?.body ?? '', /reset reason: overflow$/)
  assert.equal(refused[0]?.headers['x-envoy-overloaded'], 'true')
  assert.ok(answers.some(({ status }) => status === 200))
  const labels = { response_code: '503', response_flags: 'UO' }
  assert.ok(total(await pair.client.metrics(), 'istio_requests_total', labels) >= 3)
  await pair.applyL7('client', {})
  assert.equal((await get('/')).status, 200)
})

test('K40: without a DestinationRule more than 1,024 requests at once all get through', async () => {
  const agent = new http.Agent({ keepAlive: true })
  const { host, port } = pair.address
  const statuses = await Promise.all(
    Array.from({ length: 1_100 }, async () => {
      const sent = http.get({ host, port, path: '/slow', agent, headers: { host: 'server' } })
      const [response] = (await once(sent, 'response')) as [http.IncomingMessage]
      response.resume()
      return response.statusCode
    }),
  )
  assert.equal(statuses.filter((status) => status === 200).length, 1_100)
  agent.destroy()
})

test('an endpoint that does not answer is given up after connectTimeout: 503 with flag UF', async (t) => {
  const deaf = await startDeafListener()
  t.after(() => deaf.close())
  const { host, port } = deaf.address
  await pair.applyL7('client', rule({ connectTimeoutMs: 300 }))
  await pair.changeServer(() => [
    workload('deaf', host, { services: { [SERVICE_KEY]: { [SERVICE_PORT]: port } } }),
  ])
  const startMs = performance.now()
  const given = await get('/')
  const tookMs = performance.now() - startMs
  assert.equal(given.status, 503)
  assert.match(given.body, /upstream connect error or disconnect\/reset before headers/)
  // Three tries, each on the same endpoint because there is no other.
  assert.ok(tookMs >= 890, `after ${tookMs} ms`)
  assert.ok(tookMs < 9_000, `after ${tookMs} ms, not by the 10 s of a default`)
  const labels = { response_code: '503', response_flags: 'UF,URX' }
  assert.equal(total(await pair.client.metrics(), 'istio_requests_total', labels), 1)
  await pair.applyL7('client', {})
  assert.equal((await get('/')).status, 200)
})

test('a header chooses a subset, the rest is shared by weight', async (t) => {
  const second = await startHttpApp()
  t.after(() => second.close())
  const { host, port } = second.address
  const other = workload('other', host, { services: { [SERVICE_KEY]: { [SERVICE_PORT]: port } } })
  const shared = await startSidecarPair({ app: app.address, otherEndpoints: [other] })
  t.after(() => shared.stop())
  const subset = (name: string, member: string) => ({
    name,
    workloads: [`Kubernetes//Pod/shop/${member}`],
    traffic: {},
  })
  const to = (name: string, weight: number) => ({
    service: SERVICE_KEY,
    port: SERVICE_PORT,
    subset: name,
    weight,
  })
  const canary = { headers: [{ name: 'x-canary', value: { exact: 'yes' } }] }
  await shared.applyL7('client', {
    destinations: [
      {
        service: SERVICE_KEY,
        traffic: {},
        subsets: [subset('v1', 'server'), subset('v2', 'other')],
      },
    ],
    routes: [
      {
        service: SERVICE_KEY,
        rules: [
          { match: canary, action: { backends: [to('v2', 1)] } },
          { match: {}, action: { backends: [to('v1', 75), to('v2', 25)] } },
        ],
      },
    ],
  })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const send = async (headers: http.OutgoingHttpHeaders): Promise<void> => {
    const sent = http.get({
      ...plainAddress(shared),
      agent,
      headers: { host: 'server', ...headers },
    })
    const [response] = (await once(sent, 'response')) as [http.IncomingMessage]
    response.resume()
    await once(response, 'end')
  }
  for (let n = 0; n < 20; n += 1) await send({ 'x-canary': 'yes' })
  assert.equal(second.requests.length, 20)
  for (let n = 0; n < 400; n += 1) await send({})
  const share = second.requests.length - 20
  // 100 expected; five standard deviations of 400 draws are 43.
  assert.ok(share > 57 && share < 143, `${share} of 400 requests for a weight of 25 of 100`)
  agent.destroy()
})

test('mutual TLS can be turned off for a service, and the server then sees nobody', async () => {
  await pair.applyL7('client', rule({ tls: 'DISABLE' }))
  const seen = await get('/headers')
  assert.equal(seen.status, 200)
  const headers = JSON.parse(seen.body) as Record<string, string>
  assert.equal(headers['x-forwarded-client-cert'], undefined)
  await pair.applyL7('client', rule({ tls: 'ISTIO_MUTUAL' }))
  const again = JSON.parse((await get('/headers')).body) as Record<string, string>
  assert.match(
    again['x-forwarded-client-cert'] ?? '',
    /URI=spiffe:\/\/cluster.local\/ns\/shop\/sa\/client/,
  )
})

test('a subset nobody defined has no endpoint', async () => {
  const backends = [{ service: SERVICE_KEY, port: 80, weight: 1, subset: 'v9' }]
  await pair.applyL7('client', {
    routes: [{ service: SERVICE_KEY, rules: [{ match: {}, action: { backends } }] }],
  })
  assert.equal((await get('/')).status, 503)
  await pair.applyL7('client', {})
})
