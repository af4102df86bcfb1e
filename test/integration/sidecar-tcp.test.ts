import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { total } from '../support/proxy-process.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'
import {
  CLIENT_ID,
  listenLocal,
  SERVER_ID,
  type SidecarPair,
  startSidecarPair,
} from '../support/sidecar-pair.ts'

let pair: SidecarPair
const sources: (string | undefined)[] = []
/** Greets first, then echoes, and answers the end of its input with a last word. */
const app = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {})
  sources.push(socket.remoteAddress)
  socket.write('welcome\n')
  socket.on('data', (chunk) => socket.write(chunk))
  socket.on('end', () => socket.end('bye'))
})
before(async () => {
  pair = await startSidecarPair({ app: await listenLocal(app), protocol: 'tcp' })
})
after(async () => {
  app.close()
  await pair?.stop()
})

test('bytes of a protocol that is no HTTP pass, the server may speak first', async () => {
  const client = await rawClient(pair.address)
  await client.until(/^welcome\n$/)
  client.send(Buffer.from([0, 1, 2, 255, 10, 13]))
  await client.until((text) => text.endsWith('\x00\x01\x02\xff\n\r'))
  client.socket.destroy()
})

// macOS has only 127.0.0.1.
test('K43: the application sees connections of its sidecar from 127.0.0.6', {
  skip: process.platform !== 'linux',
}, async () => {
  const before = sources.length
  const client = await rawClient(pair.address)
  await client.until(/^welcome\n$/)
  client.socket.destroy()
  assert.deepEqual(sources.slice(before), ['127.0.0.6'])
})

test('each direction ends on its own', async () => {
  const client = await rawClient(pair.address)
  client.send('question')
  client.socket.end()
  assert.equal(await client.closed(), 'welcome\nquestionbye')
})

test('a server that speaks first is heard without mutual TLS too', async () => {
  const client = await rawClient(pair.inbound)
  await client.until(/^welcome\n$/)
  client.socket.destroy()
})

test('both sides count the same bytes', async () => {
  const read = async () => ({
    source: await pair.client.metrics(),
    destination: await pair.server.metrics(),
  })
  const before = await read()
  const client = await rawClient(pair.address)
  await client.until(/welcome/)
  client.send('12345')
  client.socket.end()
  await client.closed()
  const labels = {
    source_workload: 'client',
    source_principal: CLIENT_ID,
    destination_workload: 'server',
    destination_principal: SERVER_ID,
    destination_service_name: 'server',
    request_protocol: 'tcp',
    response_flags: '-',
  }
  // The far side may need another moment to notice the end of the connection.
  let after = await read()
  const closed = () =>
    total(after.destination, 'istio_tcp_connections_closed_total', labels) -
    total(before.destination, 'istio_tcp_connections_closed_total', labels)
  while (closed() < 1) after = await read()
  for (const reporter of ['source', 'destination'] as const) {
    const difference = (name: string) =>
      total(after[reporter], name, { ...labels, reporter }) -
      total(before[reporter], name, { ...labels, reporter })
    assert.equal(difference('istio_tcp_connections_opened_total'), 1, reporter)
    assert.equal(difference('istio_tcp_received_bytes_total'), 5, reporter)
    assert.equal(difference('istio_tcp_sent_bytes_total'), 'welcome\n12345bye'.length, reporter)
  }
})

test('a connection that leads nowhere is closed', async () => {
  const nowhere = await startSidecarPair({ app: pair.address, protocol: 'tcp' })
  await nowhere.server.stop()
  nowhere.inbound.close()
  assert.equal(await exchangeRaw(nowhere.address, 'anything'), '')
  const metrics = await nowhere.client.metrics()
  assert.equal(total(metrics, 'istio_tcp_connections_failed_total', { reporter: 'source' }), 1)
  await nowhere.stop()
})
