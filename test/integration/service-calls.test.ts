import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { createCaller } from '../../workloads/service/downstream.ts'

test('a call outlives kept connections that were all closed under its feet', async (t) => {
  const kept = new Set<Socket>()
  const held: ServerResponse[] = []
  let doomed = false
  const server = createServer(({ socket }, response) => {
    // As after a proxy's deadline: a client notices each only when it uses it.
    if (doomed && kept.has(socket)) {
      socket.resetAndDestroy()
      return
    }
    kept.add(socket)
    if (doomed) response.end()
    else held.push(response)
    if (held.length === 3) for (const each of held.splice(0)) each.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const env = { TARGET_SERVICE_HOST: '127.0.0.1', TARGET_SERVICE_PORT: String(port) }
  const call = createCaller({ env, timeoutMs: 5_000 })

  const target = { service: 'target' }
  await Promise.all([call(target, {}), call(target, {}), call(target, {})])
  assert.equal(kept.size, 3)
  doomed = true
  await call(target, {})
  assert.equal(kept.size, 4, 'the fourth answer came on a connection of its own')
  server.closeAllConnections()
})
