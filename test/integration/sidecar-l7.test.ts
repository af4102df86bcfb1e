import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, test } from 'node:test'
import type { DestinationPolicy, TrafficPolicy } from '../../proxies/config/l7.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { total } from '../support/proxy-process.ts'
import {
  CLIENT_ID,
  SERVICE_KEY,
  type SidecarPair,
  startSidecarPair,
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
