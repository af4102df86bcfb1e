import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { L7Config, RouteAction, RouteMatch } from '../../proxies/config/l7.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { total } from '../support/proxy-process.ts'
import { CLIENT_ID, SERVICE_KEY, SERVICE_PORT } from '../support/sidecar-pair.ts'
import { startWaypointPath, type WaypointPath } from '../support/waypoint-path.ts'

let app: HttpApp
let path: WaypointPath
before(async () => {
  app = await startHttpApp()
  path = await startWaypointPath(app.address)
})
after(async () => {
  app?.close()
  await path?.stop()
})

interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

function send(
  target: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { host, port } = path.address
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host, port, path: target, method, agent: false, headers: { host: 'server', ...headers } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        )
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

const backend = { service: SERVICE_KEY, port: SERVICE_PORT, weight: 1 }

function route(action: Partial<RouteAction>, match: RouteMatch = {}): Pick<L7Config, 'routes'> {
  const rule = { match, action: { backends: [backend], ...action } }
  return { routes: [{ service: SERVICE_KEY, port: SERVICE_PORT, rules: [rule] }] }
}

test('K47: a request no route matches is answered 404, one with an invalid backend 500', async () => {
  await path.applyL7(route({}, { path: { exact: '/only' } }))
  assert.equal((await send('/only')).status, 200)
  assert.equal((await send('/other')).status, 404)
  await path.applyL7(route({ backends: [{ ...backend, invalid: true }] }))
  assert.equal((await send('/only')).status, 500)
  await path.applyL7(route({ backends: [{ ...backend, weight: 0 }] }))
  assert.equal((await send('/only')).status, 500)
})

test('K47: header filters work in both directions, host and path are rewritten', async () => {
  await path.applyL7(
    route(
      {
        requestHeaders: {
          set: [['X-Set', 'new']],
          add: [['X-Add', 'more']],
          remove: ['x-remove'],
        },
        responseHeaders: { set: [['X-Answer', 'mine']], remove: ['X-Powered-By'] },
        rewriteHost: 'elsewhere',
        rewritePath: { prefix: '/headers' },
      },
      { path: { segments: '/old' } },
    ),
  )
  const { body, headers } = await send('/old?q=1', {
    headers: { 'x-set': 'old', 'x-add': 'one', 'x-remove': 'gone' },
  })
  const seen = JSON.parse(body) as Record<string, string>
  assert.equal(seen.host, 'elsewhere')
  assert.equal(seen['x-set'], 'new')
  assert.equal(seen['x-add'], 'one, more')
  assert.equal(seen['x-remove'], undefined)
  assert.equal(app.requests.at(-1)?.url, '/headers?q=1')
  assert.equal(headers['x-powered-by'], undefined)
  assert.equal(headers['x-answer'], 'mine')
})

test('K47: a redirect answers without asking the application', async () => {
  await path.applyL7(route({ redirect: { status: 301, host: 'new.example', scheme: 'https' } }))
  const asked = app.requests.length
  const { status, headers } = await send('/a?b=c')
  assert.equal(status, 301)
  assert.equal(headers.location, 'https://new.example/a?b=c')
  assert.equal(app.requests.length, asked)
})

test('K47: a mirrored request arrives twice and only the first answer counts', async () => {
  await path.applyL7(route({ mirrors: [{ backend, percent: 100 }] }))
  const before = app.requests.length
  const { status, body } = await send('/echo', { method: 'POST', body: 'twice' })
  assert.deepEqual([status, body], [200, 'twice'])
  const deadlineMs = Date.now() + 5_000
  while (app.requests.length < before + 2 && Date.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const hosts = app.requests.slice(before).map(({ headers }) => headers.host)
  assert.deepEqual(hosts.sort(), ['server', 'server-shadow'])
  await path.applyL7(route({ mirrors: [{ backend, percent: 0 }] }))
  await send('/echo', { method: 'POST', body: 'once' })
  assert.equal(app.requests.length, before + 3)
})

test('K47: a request that takes too long is answered 504 with flag UT', async () => {
  await path.applyL7(route({ timeoutMs: 200 }))
  const { status, body } = await send('/hang')
  assert.deepEqual([status, body], [504, 'upstream request timeout'])
  const labels = { response_code: '504', response_flags: 'UT' }
  assert.ok(total(await path.waypoint.metrics(), 'istio_requests_total', labels) >= 1)
  assert.equal((await send('/quick')).status, 200)
})

test('K47: retries happen for the statuses given, and the last answer is passed on', async () => {
  const retry = { attempts: 2, connectFailure: true, reset: false, statuses: [503], backOffMs: 1 }
  await path.applyL7(route({ retry }))
  const before = app.requests.length
  const { status, body } = await send('/unavailable', { method: 'POST', body: 'again' })
  assert.deepEqual([status, body], [503, 'later'])
  const tries = app.requests.slice(before).map((one) => one.headers['x-envoy-attempt-count'])
  assert.deepEqual(tries, ['1', '2', '3'])
})

test('a try that takes too long is made again until none is left', async () => {
  const retry = {
    attempts: 1,
    connectFailure: true,
    reset: true,
    statuses: [],
    perTryTimeoutMs: 100,
    backOffMs: 1,
  }
  await path.applyL7(route({ retry }))
  const before = app.requests.length
  const { status } = await send('/hang')
  assert.equal(status, 504)
  assert.equal(app.requests.length - before, 2)
})

test('K48: a policy refuses with 403 what it forbids, on connections that are already there too', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const { host, port } = path.address
  const get = (): Promise<number> =>
    new Promise((resolve, reject) => {
      http
        .get({ host, port, agent, path: '/admin/x', headers: { host: 'server' } }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0))
        })
        .on('error', reject)
    })
  await path.applyL7({})
  assert.equal(await get(), 200)
  const rules = [[[{ paths: [{ Prefix: '/admin/' }] }]]]
  await path.applyL7({
    policies: [{ name: 'no-admin', namespace: 'shop', action: 'Deny', rules }],
  })
  assert.equal(await get(), 403)
  agent.destroy()
  const denied = await send('/admin/y')
  assert.deepEqual([denied.status, denied.body], [403, 'RBAC: access denied'])
  assert.equal((await send('/%61dmin/y')).status, 200, 'an encoded letter is not decoded')
  assert.equal((await send('/x/../admin/y')).status, 403, 'dot segments are resolved')
  assert.equal((await send('/public')).status, 200)
})

test('K48: policies see the identity of the client, not of the ztunnel', async () => {
  const principal = CLIENT_ID.replace('spiffe://', '')
  const allow = (name: string): L7Config['policies'] => [
    {
      name: 'p',
      namespace: 'shop',
      action: 'Allow',
      rules: [[[{ principals: [{ Exact: name }] }]]],
      services: [SERVICE_KEY],
    },
  ]
  await path.applyL7({ policies: allow(principal) })
  assert.equal((await send('/')).status, 200)
  await path.applyL7({ policies: allow('cluster.local/ns/shop/sa/other') })
  assert.equal((await send('/')).status, 403)
  const [other] = allow('nobody')
  assert.ok(other)
  await path.applyL7({ policies: [{ ...other, services: ['shop/another'] }] })
  assert.equal((await send('/')).status, 200, 'a policy for another service changes nothing')
})

test('tokens are checked, their claims decide, and they stay behind', async () => {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const strangers = await generateKeyPair('RS256')
  const jwks = JSON.stringify({
    keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }],
  })
  const issuer = 'https://issuer.example'
  const token = (
    claims: Record<string, unknown>,
    { key = privateKey, iss = issuer, exp = '1h', aud = 'shop' } = {},
  ): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setIssuer(iss)
      .setSubject('ann')
      .setAudience(aud)
      .setIssuedAt()
      .setExpirationTime(exp)
      .sign(key)
  const bearer = (value: string) => ({ headers: { authorization: `Bearer ${value}` } })
  const authentications = [
    { name: 'jwt', namespace: 'shop', rules: [{ issuer, jwks, audiences: ['shop'] }] },
  ]
  await path.applyL7({ authentications })
  assert.equal((await send('/')).status, 200, 'no token is no reason to refuse')
  const seen = await send('/headers', bearer(await token({})))
  assert.equal(seen.status, 200)
  assert.equal((JSON.parse(seen.body) as Record<string, string>).authorization, undefined)

  const rows: readonly (readonly [string, string, number])[] = [
    [
      'nonsense',
      'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections',
      401,
    ],
    [await token({}, { iss: 'https://other' }), 'Jwt issuer is not configured', 401],
    [await token({}, { key: strangers.privateKey }), 'Jwt verification fails', 401],
    [await token({}, { exp: '-2h' }), 'Jwt is expired', 401],
    [await token({}, { aud: 'bank' }), 'Audiences in Jwt are not allowed', 403],
  ]
  for (const [value, text, status] of rows) {
    const refused = await send('/', bearer(value))
    assert.deepEqual([refused.status, refused.body], [status, text])
    if (status === 401) {
      assert.equal(
        refused.headers['www-authenticate'],
        'Bearer realm="http://server/", error="invalid_token"',
      )
    }
  }

  const rules = [[[{ claims: [{ path: ['role'], values: [{ Exact: 'admin' }] }] }]]]
  await path.applyL7({
    authentications,
    policies: [{ name: 'admins', namespace: 'shop', action: 'Allow', rules }],
  })
  assert.equal((await send('/')).status, 403)
  assert.equal((await send('/', bearer(await token({ role: 'user' })))).status, 403)
  const admin = bearer(await token({ role: 'admin' }))
  const body = 'b'.repeat(200_000)
  const first = await send('/echo', { ...admin, method: 'POST', body })
  assert.equal(first.status, 200)
  assert.equal(first.body.length, body.length, 'a body that arrives before the verdict is kept')
  assert.equal((await send('/', admin)).status, 200, 'a token that is known already')
})
