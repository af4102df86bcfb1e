import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, test } from 'node:test'
import { rawClient } from '../support/raw-client.ts'
import { listenLocal, type SidecarPair, startSidecarPair } from '../support/sidecar-pair.ts'

let pair: SidecarPair
const app = http.createServer((request, response) => {
  const body: Buffer[] = []
  request.on('data', (chunk: Buffer) => body.push(chunk))
  request.on('end', () => {
    response.setHeader('X-Seen', JSON.stringify(request.headers))
    response.end(Buffer.concat(body))
  })
})

before(async () => {
  pair = await startSidecarPair({ app: await listenLocal(app) })
})
after(async () => {
  app.close()
  app.closeAllConnections()
  await pair?.stop()
})

test('a request comes back whole through both sidecars', async () => {
  const client = await rawClient(pair.address)
  client.send('POST /x HTTP/1.1\r\nHost: server\r\nContent-Length: 5\r\n\r\nhello')
  const answer = await client.until(/hello$/)
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  client.socket.destroy()
})
