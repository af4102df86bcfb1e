import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { PodBackend, PodLogRequest } from '../../cluster/api/pod-backend.ts'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { type ApiFixture, pod, startApi } from './api-fixture.ts'

const POD = '/api/v1/namespaces/default/pods/web'
let api: ApiFixture
let client: ClusterClient
let application: Server
let logRequest: PodLogRequest | undefined
let lastRequest: IncomingMessage | undefined
const logEnded = new EventTarget()

const backend: PodBackend = {
  async *readLog(request) {
    logRequest = request
    yield 'first\n'
    if (!request.follow) return
    await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
    logEnded.dispatchEvent(new Event('end'))
  },
  dial: (_, port) =>
    port === 9 ? undefined : { host: '127.0.0.1', port: port === 8080 ? portOf() : port },
}

function portOf(): number {
  return (application.address() as AddressInfo).port
}

before(async () => {
  application = createServer((message, response) => {
    lastRequest = message
    if (message.url === '/echo') {
      response.writeHead(201, { 'x-app': 'yes', 'content-type': 'text/plain' })
      message.pipe(response)
    } else if (message.url === '/status') {
      response.writeHead(503, { 'content-type': 'application/json' }).end('{"busy":true}')
    } else if (message.url === '/none') response.writeHead(204).end()
    else response.end(message.url)
  }).listen(0, '127.0.0.1')
  await once(application, 'listening')
  api = await startApi({ pods: backend })
  client = await api.client()
  const ports = [{ containerPort: 8080 }]
  api.store.create(pod('web', { containers: [{ name: 'app', image: 'service', ports }] }))
  const two = ['a', 'b'].map((name) => ({ name, image: 'service' }))
  api.store.create(pod('two', { containers: two }))
})
after(async () => {
  application.close()
  application.closeAllConnections()
  await api.stop()
})

test('a request goes to the pod with method, path, query and body, but without the token', async () => {
  const answer = await api.call('GET', `${POD}:8080/proxy/a//b/../c?x=1&y=%20`)
  assert.deepEqual([answer.status, answer.text], [200, '/a//b/../c?x=1&y=%20'])
  assert.equal(lastRequest?.headers.authorization, undefined)
  assert.equal((await api.call('GET', `${POD}/proxy`)).text, '/')
  assert.equal(
    (await api.call('GET', '/api/v1/namespaces/default/pods/http:web:8080/proxy/')).status,
    200,
  )
})

test('both directions stream: the pod answers while the request still goes on', async () => {
  const { request } = await import('node:https')
  const { url, caPem, token } = api.server
  const outgoing = request(`${url}${POD}:8080/proxy/echo`, {
    method: 'POST',
    ca: caPem,
    agent: false,
    headers: { authorization: `Bearer ${token}` },
  })
  outgoing.write('one')
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  assert.deepEqual([answer.statusCode, answer.headers['x-app']], [201, 'yes'])
  answer.setEncoding('utf8')
  assert.equal((await once(answer, 'data'))[0], 'one')
  outgoing.write('two')
  assert.equal((await once(answer, 'data'))[0], 'two')
  outgoing.end()
  await once(answer, 'end')
})

test('a pod that cannot be reached is a 503 of the API server', async () => {
  const refused = await api.call('GET', `${POD}:1/proxy/`)
  assert.deepEqual([refused.status, refused.json.reason], [503, 'ServiceUnavailable'])
  assert.match(refused.json.message, /error trying to reach service: connect ECONNREFUSED/)
  assert.equal((await api.call('GET', `${POD}:9/proxy/`)).status, 503)
  assert.equal((await api.call('GET', '/api/v1/namespaces/default/pods/no/proxy/')).status, 404)
  assert.equal((await api.call('GET', '/api/v1/namespaces/default/pods/web:x/proxy/')).status, 400)
})

test('the client tells what the pod answers from what the API server says', async () => {
  const request = { namespace: 'default', pod: 'web', port: 8080 }
  const echoed = await client.podRequest({ ...request, path: '/echo', method: 'POST', body: '{}' })
  assert.deepEqual([echoed.status, await echoed.text()], [201, '{}'])
  const busy = await client.podRequest({ ...request, path: '/status' })
  assert.deepEqual([busy.status, await busy.json()], [503, { busy: true }])
  assert.equal((await client.podRequest({ ...request, path: '/none' })).status, 204)
  await assert.rejects(
    client.podRequest({ ...request, pod: 'gone', path: '/' }),
    (error) => error instanceof ClusterError && error.status === 404,
  )
  const aborted = AbortSignal.abort(new Error('enough'))
  await assert.rejects(client.podRequest({ ...request, path: '/', signal: aborted }), /enough/)
})

test('logs come from the container asked for, with what was asked', async () => {
  const log = await client.podLog({ namespace: 'default', name: 'web', tailLines: 5 })
  assert.equal(log, 'first\n')
  const { container, tailLines, follow, previous } = logRequest ?? {}
  assert.deepEqual([container, tailLines, follow, previous], ['app', 5, false, false])
  const ambiguous = await api.call('GET', '/api/v1/namespaces/default/pods/two/log')
  assert.match(ambiguous.json.message, /choose one of: \[a b\]/)
  const unknown = await api.call('GET', `${POD}/log?container=none`)
  assert.deepEqual(
    [unknown.status, unknown.json.message],
    [400, 'container none is not valid for pod web'],
  )
})

test('a followed log streams, and its source hears when the reader leaves', async () => {
  const answer = await api.open('GET', `${POD}/log?follow=true`)
  answer.setEncoding('utf8')
  assert.equal((await once(answer, 'data'))[0], 'first\n')
  const ended = once(logEnded, 'end')
  answer.destroy()
  await ended
})
