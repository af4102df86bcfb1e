import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { rawClient } from '../support/raw-client.ts'
import { forgetPeaks, isL7, MODES, type Path, peakMemoryBytes, startPath } from './path.ts'
import { digestOf, pattern, request } from './requests.ts'

const MIB = 1 << 20
const LARGE = 64 * MIB
const SIZES = [0, 1, 1_024, 16_383, 16_384, 16_385, 65_536, 300_000, MIB]
const STATUSES = [200, 201, 202, 204, 206, 301, 304, 400, 404, 410, 418, 429, 500, 503, 599]

for (const mode of MODES) {
  describe(`bodies in ${mode} mode`, () => {
    let app: HttpApp
    let path: Path
    before(async () => {
      app = await startHttpApp()
      path = await startPath(mode, app.address, 'http')
    })
    after(async () => {
      await path?.stop()
      app?.close()
    })

    test('every status arrives as it was sent', async () => {
      for (const status of STATUSES) {
        assert.equal((await request(path.address, `/status?${status}`)).status, status)
      }
    })

    test('bodies with a length come back whole, from nothing to 1 MiB', async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      for (const size of SIZES) {
        const [sent = Buffer.alloc(0)] = pattern(size, size || 1)
        const options = { method: 'POST', agent, body: sent, headers: { 'content-length': size } }
        const { body, headers } = await request(path.address, '/echo', options)
        assert.ok(body.equals(sent), `${size} bytes are the same bytes`)
        assert.equal(headers['content-length'], String(size))
      }
      agent.destroy()
    })

    test('bodies in chunks come back whole, from nothing to 1 MiB', async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      for (const size of SIZES) {
        const sent = Buffer.concat([...pattern(size, 10_000)])
        const headers = { 'transfer-encoding': 'chunked' }
        const options = { method: 'PUT', agent, body: sent, headers }
        const answer = await request(path.address, '/echo', options)
        assert.ok(answer.body.equals(sent), `${size} bytes are the same bytes`)
        if (size > 0) assert.equal(answer.headers['transfer-encoding'], 'chunked')
      }
      agent.destroy()
    })

    test('64 MiB travel up and down unharmed, and proxies hold little of them', async (t) => {
      // What it holds at rest is there before.
      await request(path.address, '/echo', { method: 'POST', body: Buffer.alloc(MIB) })
      forgetPeaks(path)
      const before = peakMemoryBytes(path)
      const sent = http.request({ ...path.address, path: '/echo', method: 'POST' })
      const response = once(sent, 'response') as Promise<[http.IncomingMessage]>
      const sending = (async () => {
        for (const chunk of pattern(LARGE)) if (!sent.write(chunk)) await once(sent, 'drain')
        sent.end()
      })()
      const [received] = await response
      const hash = createHash('sha256')
      for await (const chunk of received) hash.update(chunk as Buffer)
      await sending
      assert.equal(hash.digest('hex'), digestOf(pattern(LARGE)))
      peakMemoryBytes(path).forEach((peak, n) => {
        const grown = peak - (before[n] ?? 0)
        t.diagnostic(`proxy ${n} grew by ${grown >> 20} MiB`)
        assert.ok(grown < 48 * MIB, `proxy ${n} grew by ${grown >> 20} MiB`)
      })
    })

    test('a reader that stops holds its server back, and no proxy takes the rest', async () => {
      const client = await rawClient(path.address)
      client.socket.pause()
      forgetPeaks(path)
      const before = peakMemoryBytes(path)
      client.send('GET /flood HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n')
      let last = -1
      while (app.flooded() === 0 || app.flooded() !== last) {
        last = app.flooded()
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      // What is taken sits in socket buffers and tunnel windows.
      assert.ok(app.flooded() < 48 * MIB, `${app.flooded() >> 20} of 64 MiB were taken`)
      peakMemoryBytes(path).forEach((peak, n) => {
        const grown = peak - (before[n] ?? 0)
        assert.ok(grown < 40 * MIB, `proxy ${n} grew by ${grown >> 20} MiB`)
      })
      let received = 0
      client.socket.on('data', (chunk: Buffer) => {
        received += chunk.length
      })
      client.socket.resume()
      await client.closed()
      assert.ok(received > LARGE, `${received} bytes arrived in the end`)
    })

    test('trailers travel in both directions', async () => {
      const sent = http.request({ ...path.address, path: '/trailers', method: 'POST' })
      sent.setHeader('Trailer', 'X-Sent')
      sent.setHeader('TE', 'trailers')
      sent.write('body')
      sent.addTrailers({ 'X-Sent': 'yes' })
      sent.end()
      const [response] = (await once(sent, 'response')) as [http.IncomingMessage]
      response.resume()
      await once(response, 'end')
      assert.equal(response.trailers['x-sum'], '42')
      assert.equal(response.trailers['x-got'], 'yes')
    })

    test('HEAD has the length and no body, and the connection goes on', async () => {
      const client = await rawClient(path.address)
      client.send('HEAD /length HTTP/1.1\r\nHost: server\r\n\r\n')
      const head = await client.until(/\r\n\r\n$/)
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n/)
      assert.match(head, /content-length: 12345\r\n/i)
      client.clear()
      client.send('GET /after HTTP/1.1\r\nHost: server\r\n\r\n')
      assert.match(await client.until(/GET \/after/), /^HTTP\/1\.1 200 OK\r\n/)
      client.socket.destroy()
    })

    test('100 (Continue) comes before the body is sent, 103 before the answer', async () => {
      const client = await rawClient(path.address)
      const fields = 'Host: server\r\nExpect: 100-continue\r\nContent-Length: 5'
      client.send(`POST /echo HTTP/1.1\r\n${fields}\r\n\r\n`)
      assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 100 Continue\r\n/)
      client.clear()
      client.send('hello')
      assert.match(await client.until(/hello$/), /^HTTP\/1\.1 200 OK\r\n/)
      client.clear()
      client.send('GET /hints HTTP/1.1\r\nHost: server\r\n\r\n')
      const hinted = await client.until(/hinted/)
      assert.match(hinted, /^HTTP\/1\.1 103 Early Hints\r\n[\s\S]*link: <\/style\.css>/i)
      assert.match(hinted, /HTTP\/1\.1 200 OK\r\n/)
      client.socket.destroy()
    })

    test('server-sent events arrive one by one while the answer is open', async () => {
      const client = await rawClient(path.address)
      client.send('GET /events HTTP/1.1\r\nHost: server\r\n\r\n')
      await client.until(/data: one\n\n/)
      app.event('two')
      await client.until(/data: two\n\n/)
      app.event('three')
      await client.until(/data: three\n\n/)
      client.socket.destroy()
      await app.aborted()
    })

    test('an answer cut short is not taken for a whole one', async () => {
      await assert.rejects(request(path.address, '/die'), /aborted|ECONNRESET|socket hang up/)
      await assert.rejects(
        request(path.address, '/die-chunked'),
        /aborted|ECONNRESET|socket hang up/,
      )
      const { status } = await request(path.address, '/still-there')
      assert.equal(status, 200)
    })

    if (isL7(mode)) {
      test('K41: x-request-id is kept or made, the server names itself as Envoy does', async () => {
        const kept = await request(path.address, '/headers', {
          headers: { 'x-request-id': 'mine' },
        })
        assert.equal(JSON.parse(kept.body.toString())['x-request-id'], 'mine')
        const made = await request(path.address, '/headers')
        assert.match(JSON.parse(made.body.toString())['x-request-id'], /^[0-9a-f-]{36}$/)
        assert.equal(made.headers.server, mode === 'sidecar' ? 'envoy' : 'istio-envoy')
        assert.match(String(made.headers['x-envoy-upstream-service-time']), /^\d+$/)
      })
    }
  })
}
