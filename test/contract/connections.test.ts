import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'
import { MODES, openFiles, type Path, startPath } from './path.ts'
import { request } from './requests.ts'
import { acceptOf, frameReader, writeFrame } from './websocket.ts'

for (const mode of MODES) {
  describe(`connections in ${mode} mode`, () => {
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

    test('one connection serves request after request', async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      const ports = new Set<number | undefined>()
      for (let n = 0; n < 50; n++) {
        const sent = http.get({ ...path.address, path: `/${n}`, agent })
        const [response] = (await once(sent, 'response')) as [http.IncomingMessage]
        ports.add(response.socket.localPort)
        response.resume()
        await once(response, 'end')
      }
      assert.equal(ports.size, 1)
      agent.destroy()
    })

    test('pipelined requests are answered in order', async () => {
      const client = await rawClient(path.address)
      const paths = Array.from({ length: 10 }, (_, n) => `/n${n}`)
      client.send(paths.map((one) => `GET ${one} HTTP/1.1\r\nHost: server\r\n\r\n`).join(''))
      const received = await client.until(/GET \/n9/)
      assert.deepEqual(
        received.match(/GET \/n\d/g),
        paths.map((one) => `GET ${one}`),
      )
      client.socket.destroy()
    })

    test('Connection: close from either side ends it after the answer, as HTTP/1.0 does', async () => {
      const asked = 'GET /a HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n'
      assert.match(await exchangeRaw(path.address, asked), /^HTTP\/1\.1 200[\s\S]*GET \/a/)
      const told = await exchangeRaw(path.address, 'GET /bye HTTP/1.0\r\nHost: server\r\n\r\n')
      assert.match(told, /^HTTP\/1\.1 200[\s\S]*bye/)
    })

    test('a WebSocket opens and carries text, bytes and the close frame', async () => {
      const key = Buffer.from('a WebSocket key.').toString('base64')
      const sent = http.request({
        ...path.address,
        path: '/socket',
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Key': key,
          'Sec-WebSocket-Version': '13',
        },
      })
      sent.end()
      const [response, socket, rest] = await once(sent, 'upgrade')
      assert.equal(response.statusCode, 101)
      assert.equal(response.headers['sec-websocket-accept'], acceptOf(key))
      assert.equal(response.headers.upgrade, 'websocket')
      socket.unshift(rest)
      const nextFrame = frameReader(socket)
      for (const payload of ['hello', 'b'.repeat(70_000), '']) {
        socket.write(writeFrame(1, Buffer.from(payload)))
        const { opcode, bytes } = await nextFrame()
        assert.equal(opcode, 1)
        assert.equal(bytes.toString(), payload)
      }
      socket.write(writeFrame(8, Buffer.from([3, 232])))
      assert.equal((await nextFrame()).opcode, 8)
      socket.end()
      await once(socket, 'close')
    })

    test('200 connections at once all get their own answers', async () => {
      const agent = new http.Agent({ keepAlive: true })
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, n) => request(path.address, `/n${n}`, { agent })),
      )
      answers.forEach(({ status, body }, n) => {
        assert.equal(status, 200)
        assert.equal(body.toString(), `GET /n${n}`)
      })
      agent.destroy()
    })

    test('600 connections one after another leave nothing open behind', async () => {
      const churn = async (count: number): Promise<void> => {
        for (let n = 0; n < count; n += 20) {
          const options = { agent: false, headers: { connection: 'close' } }
          await Promise.all(Array.from({ length: 20 }, () => request(path.address, '/x', options)))
        }
      }
      await churn(100)
      const before = openFiles(path)
      await churn(500)
      const settled = (): boolean =>
        openFiles(path).every((count, n) => count <= (before[n] ?? 0) + 20)
      for (let n = 0; n < 50 && !settled(); n++) {
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      assert.ok(settled(), `${before} open files became ${openFiles(path)}`)
    })
  })
}
