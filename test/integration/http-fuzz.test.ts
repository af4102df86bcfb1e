import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'
import { deliver, isValidStart, mangledHttp1, randomFrom } from '../support/fuzz.ts'
import { startEngine } from '../support/http-engine.ts'

const CASES = 1_500
const SEED = Number(process.env.FUZZ_SEED ?? 1)

test(`${CASES} mangled messages harm nobody, and all that is passed on is valid to node`, async (t) => {
  const refused: string[] = []
  let received = 0
  const origin = http.createServer((request, response) => {
    received += 1
    request.resume()
    response.end('ok')
  })
  origin.on('upgrade', (_request, socket) => {
    received += 1
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  origin.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
    const packet = error.rawPacket?.toString('latin1') ?? ''
    // Node knows a list of methods; any other token is a method too (RFC 9110 section 9.1).
    const ownMethod = error.code === 'HPE_INVALID_METHOD' && isValidStart(packet)
    const cutShort = error.code === 'HPE_INVALID_EOF_STATE'
    if (error.code?.startsWith('HPE') && !ownMethod && !cutShort) {
      refused.push(`${error.code} ${packet.slice(0, 500)}`)
    }
    socket.destroy()
  })
  const engine = await startEngine((socket) => void origin.emit('connection', socket))
  t.after(() => engine.close())
  const random = randomFrom(SEED)
  for (let n = 0; n < CASES; n += 25) {
    await Promise.all(
      Array.from({ length: 25 }, () => deliver(engine.address, mangledHttp1(random), random)),
    )
  }
  assert.deepEqual(refused, [], 'node understands every message that was passed on')
  assert.ok(received > CASES / 10, `only ${received} messages got through`)
  assert.ok(
    received <= engine.records.reduce((sum, { attempts }) => sum + attempts, 0),
    'no request became two',
  )
  while (engine.connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(engine.upstream.active, 0)
})
