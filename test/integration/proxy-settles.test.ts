import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { createEchoServer, listenLocal, startSidecarPair } from '../support/sidecar-pair.ts'

test('a sidecar settles on a configuration only when the handshake it had begun before has ended', async (t) => {
  const silent = net.createServer()
  const app = createEchoServer()
  const believed = await listenLocal(silent)
  const pair = await startSidecarPair({
    app: await listenLocal(app),
    protocol: 'tcp',
    via: () => Promise.resolve(believed),
  })
  t.after(async () => {
    await pair.stop()
    silent.close()
    app.close()
  })
  await pair.client.settled(1)

  const { host, port } = pair.address
  const client = net.connect({ host, port }).on('error', () => {})
  const [handshake] = (await once(silent, 'connection')) as [net.Socket]
  handshake.on('error', () => {})
  await pair.changeServer(() => [])
  // The third: the second went to the server. Admin answers after what was sent before: a report on its way would be here.
  await pair.client.metrics()
  assert.equal(pair.client.hasSettled(3), false)

  handshake.destroy()
  await pair.client.settled(3)
  client.destroy()
})
