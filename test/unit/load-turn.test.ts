import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { nowUs } from '../../harness/load/clock.ts'
import { turnBeganUs } from '../../harness/load/turn.ts'

const busyMs = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test('answers that are ready together have one moment, however long the first of them keeps us', async (t) => {
  const accepted: Socket[] = []
  const server = createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const clients = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'))
  await Promise.all(clients.map((client) => once(client, 'connect')))
  while (accepted.length < clients.length) await once(server, 'connection')
  t.after(() => {
    for (const socket of [...clients, ...accepted]) socket.destroy()
    server.close()
  })
  const seen: number[] = []
  const all = new Promise<void>((resolve) => {
    for (const client of clients) {
      client.once('data', () => {
        seen.push(turnBeganUs())
        busyMs(30)
        if (seen.length === clients.length) resolve()
      })
    }
  })
  const sentUs = nowUs()
  for (const socket of accepted) socket.write('x')
  await all
  assert.deepEqual(new Set(seen).size, 1)
  assert.ok(nowUs() - (seen[0] as number) >= 90_000)

  accepted[0]?.write('y')
  await once(clients[0] as Socket, 'data')
  const next = turnBeganUs()
  assert.ok(next - sentUs >= 90_000, 'the next turn has a moment of its own')
})
