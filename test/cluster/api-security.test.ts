import assert from 'node:assert/strict'
import { request } from 'node:https'
import { after, before, test } from 'node:test'
import { startApiServer } from '../../cluster/api/server.ts'
import { createAuthority } from '../../cluster/ca/authority.ts'
import { type ApiFixture, configMap, startApi } from './api-fixture.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
let api: ApiFixture

before(async () => {
  api = await startApi()
})
after(() => api.stop())

test('nobody gets past health without the token, and every server has another one', async () => {
  assert.equal(Buffer.from(api.server.token, 'base64url').length, 32)
  for (const token of [null, '', 'wrong', `${api.server.token}x`, api.server.token.slice(1)]) {
    const answer = await api.call('GET', '/api/v1/pods', { token })
    assert.deepEqual([answer.status, answer.json.reason], [401, 'Unauthorized'])
  }
  for (const path of ['/healthz', '/readyz', '/livez']) {
    const answer = await api.call('GET', path, { token: null })
    assert.deepEqual([answer.status, answer.text], [200, 'ok'])
  }
  const other = await startApi()
  assert.notEqual(other.server.token, api.server.token)
  await other.stop()
})

test('the server listens on loopback with a certificate of its own authority', async () => {
  assert.match(api.server.url, /^https:\/\/127\.0\.0\.1:\d+$/)
  const stranger = await createAuthority({ trustDomain: 'stranger' })
  await assert.rejects(
    new Promise((_, reject) => {
      request(`${api.server.url}/healthz`, { ca: stranger.rootPem }).once('error', reject).end()
    }),
    /certificate|signature/,
  )
})

test('a body that is no JSON, no object or too large is refused with a Status', async () => {
  const post = (body: string, type?: string) =>
    api.call('POST', MAPS, { body, ...(type && { type }) })
  for (const body of ['{', '[]', 'null', '"text"', '']) {
    const answer = await post(body)
    assert.deepEqual([answer.status, answer.json.reason], [400, 'BadRequest'], body)
  }
  const large = await post(JSON.stringify(configMap('large', { x: 'x'.repeat(3 * 1024 * 1024) })))
  assert.deepEqual([large.status, large.json.reason], [413, 'RequestEntityTooLarge'])
  const binary = await post('k8s', 'application/vnd.kubernetes.protobuf')
  assert.deepEqual([binary.status, binary.json.reason], [400, 'BadRequest'])
  const text = await post('{}', 'text/plain')
  assert.deepEqual([text.status, text.json.reason], [415, 'UnsupportedMediaType'])
})

test('a malformed patch is refused with a Status, and nothing changes', async () => {
  const made = api.store.create(configMap('whole', { a: '1' }))
  const json = 'application/json-patch+json'
  const attempts: readonly (readonly [string, string, number])[] = [
    ['application/merge-patch+json', '{"data":', 400],
    ['application/merge-patch+json', '[]', 400],
    ['application/merge-patch+json', '{"data":"text"}', 422],
    ['application/strategic-merge-patch+json', '"text"', 400],
    [
      'application/strategic-merge-patch+json',
      '{"metadata":{"labels":{"$patch":"sideways"}}}',
      400,
    ],
    ['application/apply-patch+yaml', 'data: [', 400],
    [json, '{}', 400],
    [json, '[{"op":"jump","path":"/data"}]', 422],
    [json, '[{"op":"add","path":"/data/b","value":"2"},{"op":"remove","path":"/spec/x"}]', 422],
  ]
  for (const [type, body, code] of attempts) {
    const path = `${MAPS}/whole?fieldManager=me`
    const answer = await api.call('PATCH', path, { body, type })
    assert.deepEqual([answer.status, answer.json.kind], [code, 'Status'], `${type} ${body}`)
    assert.equal(answer.json.code, code)
    assert.deepEqual(api.store.get({ ...made, ...made.metadata }), made, body)
  }
})

test('of a body of 100 MB little is read: a Status says so, and nothing changes', async () => {
  const made = api.store.create(configMap('small', { a: '1' }))
  const path = `${MAPS}/small`
  const whole = 100_000_000
  const chunk = Buffer.alloc(64 * 1024, 'x')
  for (const [method, length] of [
    ['PATCH', whole],
    ['PUT', undefined],
  ] as const) {
    const before = process.memoryUsage().external
    const { status, text, sentBytes } = await new Promise<{
      status?: number
      text: string
      sentBytes: number
    }>((resolve, reject) => {
      let sentBytes = 0
      const headers = {
        authorization: `Bearer ${api.server.token}`,
        'content-type': method === 'PUT' ? 'application/json' : 'application/merge-patch+json',
        ...(length !== undefined && { 'content-length': length }),
      }
      const options = { method, headers, ca: api.server.caPem, agent: false } as const
      const outgoing = request(`${api.server.url}${path}`, options, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        answer.on('end', () => {
          resolve({ ...(answer.statusCode && { status: answer.statusCode }), text, sentBytes })
          outgoing.destroy()
        })
      })
      // After the answer the server hangs up on whatever is still being sent.
      outgoing.on('error', (error) => reject(error))
      const more = (): void => {
        while (sentBytes < whole && !outgoing.destroyed) {
          sentBytes += chunk.length
          if (!outgoing.write(chunk)) {
            outgoing.once('drain', more)
            return
          }
        }
      }
      more()
    })
    assert.equal(status, 413)
    assert.equal(JSON.parse(text).reason, 'RequestEntityTooLarge')
    assert.ok(sentBytes < whole / 2, `${sentBytes} bytes were taken`)
    assert.ok(process.memoryUsage().external - before < 32 * 1024 * 1024)
    assert.deepEqual(api.store.get({ ...made, ...made.metadata }), made)
  }
})

test('objects of a wrong shape are refused, and never break the server', async () => {
  const shapes = [
    { metadata: 'text' },
    { metadata: { name: 'a' }, spec: [] },
    { metadata: { name: 'a' }, status: 'text' },
    { metadata: { name: 7 } },
    { metadata: { name: 'a', labels: [] } },
    { metadata: { name: 'a', labels: { n: 1 } } },
    { metadata: { name: 'a', finalizers: 'x' } },
    { metadata: { name: 'a', ownerReferences: {} } },
    { metadata: {} },
  ]
  for (const body of shapes) {
    const answer = await api.call('POST', '/api/v1/namespaces/default/pods', { body })
    assert.ok([400, 422].includes(answer.status), `${JSON.stringify(body)}: ${answer.text}`)
  }
  assert.equal((await api.call('GET', '/api/v1/pods')).json.items.length, 0)
})

test('a failure of the server itself is a 500 that gives nothing away', async () => {
  const errors: unknown[] = []
  const ca = await createAuthority({ trustDomain: 'broken' })
  const store = {
    ...api.store,
    peek: () => {
      throw new Error('secret detail')
    },
  }
  const server = await startApiServer({ store, ca, onError: (error) => errors.push(error) })
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { authorization: `Bearer ${server.token}` }
    request(`${server.url}${MAPS}/x`, { ca: server.caPem, headers, agent: false }, (answer) => {
      assert.equal(answer.statusCode, 500)
      answer.setEncoding('utf8').once('data', resolve)
    })
      .once('error', reject)
      .end()
  })
  assert.equal(text.includes('secret detail'), false)
  assert.equal(errors.length, 1)
  await server.close()
})

test('what grows when it is unpacked is refused: deep nesting, copies of copies, many small patches', async () => {
  const deep = `{"metadata":{"name":"deep"},"data":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
  const nested = await api.call('POST', MAPS, { body: deep })
  assert.deepEqual([nested.status, nested.json.reason], [400, 'BadRequest'])

  api.store.create(configMap('grown', { a: 'x'.repeat(1_000) }))
  const type = 'application/json-patch+json'
  const double = Array.from({ length: 40 }, (_, index) => ({
    op: 'copy',
    from: '/data',
    path: `/data/n${index}`,
  }))
  const copied = await api.call('PATCH', `${MAPS}/grown`, { body: double, type })
  assert.deepEqual([copied.status, copied.json.reason], [413, 'RequestEntityTooLarge'])

  const merge = 'application/merge-patch+json'
  const annotations = { big: 'x'.repeat(200_000) }
  const patch = (index: number) => {
    const labels = { [`n${index}`]: 'x' }
    const body = { metadata: { annotations, labels }, data: { [`k${index}`]: 'x'.repeat(400_000) } }
    return api.call('PATCH', `${MAPS}/grown`, { body, type: merge })
  }
  const codes: number[] = []
  for (let index = 0; index < 4; index += 1) codes.push((await patch(index)).status)
  assert.deepEqual(codes.slice(0, 2), [200, 200])
  assert.ok((codes[3] ?? 0) >= 400, codes.join())
  const { data } = api.store.get({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'default',
    name: 'grown',
  }) as { data?: object } & ReturnType<typeof configMap>
  assert.ok(JSON.stringify(data).length < 1.5 * 1024 * 1024)
})

test('a client that never reads its watch is cut off, and others go on', async () => {
  const deaf = await api.open('GET', `${MAPS}?watch=1`)
  const closed = new Promise((resolve) => deaf.once('close', resolve))
  deaf.on('error', () => undefined)
  const reader = await api.open('GET', `${MAPS}?watch=1&labelSelector=loud`)
  let heard = 0
  reader.setEncoding('utf8').on('data', (text: string) => {
    heard += text.split('\n').length - 1
  })
  const noise = 'x'.repeat(100_000)
  api.store.create(configMap('loud', { noise }, { loud: 'yes' }))
  const before = process.memoryUsage().external
  for (let n = 0; n < 300; n += 1) {
    api.store.update(configMap('loud', { noise, n: String(n) }, { loud: 'yes' }))
    await new Promise((resolve) => setImmediate(resolve))
  }
  const grownBytes = process.memoryUsage().external - before
  assert.ok(grownBytes < 24 * 1024 * 1024, `${grownBytes} bytes piled up`)
  deaf.resume()
  await closed
  while (heard < 300) await new Promise((resolve) => reader.once('data', resolve))
  reader.destroy()
})

test('the token is in no answer and no error', async () => {
  const { token } = api.server
  const paths = ['/version', '/api', '/openapi/v3', '/api/v1/nope', `${MAPS}/none`]
  for (const path of paths) {
    const answer = await api.call('GET', path)
    assert.equal(answer.text.includes(token), false, path)
    assert.equal(JSON.stringify(answer.headers).includes(token), false, path)
  }
  assert.equal(process.argv.join(' ').includes(token), false)
})
