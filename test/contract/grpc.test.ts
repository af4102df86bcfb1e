import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { call, type GrpcApp, grpcMessage, startGrpcApp } from './grpc-app.ts'
import { isL7, MODES, type Path, startPath, sumOf } from './path.ts'

for (const mode of MODES) {
  describe(`gRPC and HTTP/2 in ${mode} mode`, () => {
    let app: GrpcApp
    let path: Path
    let client: http2.ClientHttp2Session
    before(async () => {
      app = await startGrpcApp()
      path = await startPath(mode, app.address, 'grpc')
      client = http2.connect(`http://${path.address.host}:${path.address.port}`)
      client.on('error', () => {})
      await once(client, 'connect')
    })
    after(async () => {
      client?.destroy()
      await path?.stop()
      app?.close()
    })

    test('a call comes back whole, with its status in the trailers', async () => {
      for (const size of [0, 1, 1_024, 100_000, 4 << 20]) {
        const message = grpcMessage(randomBytes(size))
        const { headers, trailers, body } = await call(client, '/shop.Cart/Echo', message)
        assert.equal(headers[':status'], 200)
        assert.equal(headers['content-type'], 'application/grpc')
        assert.ok(body.equals(message), `${size} bytes are the same bytes`)
        assert.equal(trailers['grpc-status'], '0')
        assert.equal(trailers['grpc-message'], 'ok')
      }
    })

    test('a status without a message is in the head', async () => {
      const { headers } = await call(client, '/shop.Cart/Fail', grpcMessage(''))
      assert.equal(headers['grpc-status'], '5')
      assert.equal(headers['grpc-message'], 'no such cart')
      assert.equal(headers['content-length'], undefined)
    })

    test('messages flow in both directions while both sides are open', async () => {
      const stream = client.request({
        ':method': 'POST',
        ':path': '/shop.Cart/Chat',
        'content-type': 'application/grpc',
        te: 'trailers',
      })
      for (const text of ['one', 'two', 'three']) {
        stream.write(grpcMessage(text))
        const [received] = (await once(stream, 'data')) as [Buffer]
        assert.equal(received.subarray(5).toString(), text)
      }
      const trailers = once(stream, 'trailers')
      stream.end()
      assert.equal((await trailers)[0]['grpc-status'], '0')
    })

    test('calls at the same time do not wait for one another', async () => {
      const watch = client.request({ ':method': 'POST', ':path': '/shop.Cart/Watch' })
      await once(watch, 'data')
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          call(client, '/shop.Cart/Echo', grpcMessage(`call ${n}`)),
        ),
      )
      answers.forEach(({ body, trailers }, n) => {
        assert.equal(body.subarray(5).toString(), `call ${n}`)
        assert.equal(trailers['grpc-status'], '0')
      })
      watch.close(http2.constants.NGHTTP2_CANCEL)
      await app.cancelled()
    })

    test('HTTP/2 without gRPC keeps its fields, cookies and version', async () => {
      const { headers, body } = await call(client, '/plain', Buffer.from('hi'), {
        cookie: 'a=1; b=2',
        'x-many': ['one', 'two'],
      })
      const saw = JSON.parse(String(headers['x-saw'])) as Record<string, string>
      assert.equal(saw.cookie, 'a=1; b=2')
      assert.equal(saw['x-many'], 'one, two')
      assert.equal(saw[':authority'], `${path.address.host}:${path.address.port}`)
      assert.equal(saw.connection, undefined)
      assert.equal(saw['transfer-encoding'], undefined)
      assert.equal(body.toString(), 'hi')
    })

    if (isL7(mode)) {
      test('K42: requests are counted as gRPC with their status', async () => {
        const before = await sumOf(path, 'istio_requests_total', {
          request_protocol: 'grpc',
          grpc_response_status: '5',
        })
        await call(client, '/shop.Cart/Fail', grpcMessage(''))
        const counted = await sumOf(path, 'istio_requests_total', {
          request_protocol: 'grpc',
          grpc_response_status: '5',
          response_code: '200',
        })
        const reporters = mode === 'sidecar' ? 2 : 1
        assert.equal(counted - before, reporters)
      })

      test('K39: a call that is refused as unavailable is made three times', async () => {
        const before = app.calls()
        const { headers } = await call(client, '/shop.Cart/Busy', grpcMessage(''))
        assert.equal(headers['grpc-status'], '14')
        assert.equal(app.calls() - before, 3)
      })

      test('a proxy tells a gRPC client in gRPC that nobody is there', async () => {
        app.close()
        const { headers } = await call(client, '/shop.Cart/Echo', grpcMessage('x'))
        assert.equal(headers[':status'], 200)
        assert.equal(headers['grpc-status'], '14')
        assert.match(String(headers['grpc-message']), /upstream connect error/)
      })
    }
  })
}
