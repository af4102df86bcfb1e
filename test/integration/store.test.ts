import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { type Asker, createAsker } from '../../workloads/service/line-client.ts'
import { createStoreServer, type StoreServer } from '../../workloads/store/server.ts'

const servers: Server[] = []
const accepted: Socket[] = []
after(() => {
  for (const socket of accepted) socket.destroy()
  for (const server of servers) server.close()
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  server.on('connection', (socket) => accepted.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function start(connectionLifeMs?: number): Promise<{
  store: StoreServer
  port: number
  ask: (line: string) => ReturnType<Asker>
  connections: () => number
}> {
  const store = createStoreServer()
  let connections = 0
  store.server.on('connection', () => {
    connections += 1
  })
  const port = await listen(store.server)
  const asker = createAsker({
    env: { STORE_SERVICE_HOST: '127.0.0.1', STORE_SERVICE_PORT: String(port) },
    timeoutMs: 5_000,
    ...(connectionLifeMs === undefined ? {} : { connectionLifeMs }),
  })
  const ask = (line: string) => asker({ service: 'store', line })
  return { store, port, ask, connections: () => connections }
}

test('the store speaks first and answers every line with one line, in order', async () => {
  const { port } = await start()
  const socket = connect({ host: '127.0.0.1', port }).setEncoding('utf8')
  const [hello] = await once(socket, 'data')
  assert.equal(hello, '+HELLO store/1\n')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.write(
    'PING\nSET a one two\r\nGET a\nGET b\nADD n 2\nADD n 3\nADD n x\nDEL a\nGET a\nNO\nGE',
  )
  socket.write('T n\nSET\nQUIT\nPING\n')
  await once(socket, 'end')
  assert.deepEqual(text.split('\n'), [
    ...['+PONG', '+OK', '+one two', '+', '+2', '+5', '-ERR ADD needs a number', '+OK', '+'],
    ...['-ERR unknown command NO', '+5', '-ERR SET needs a key', '+BYE', ''],
  ])
})

test('an endless line is cut off instead of filling memory', async () => {
  const { port } = await start()
  const socket = connect({ host: '127.0.0.1', port }).setEncoding('utf8')
  socket.on('error', () => {})
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.write('x'.repeat(20_000))
  await once(socket, 'close')
  assert.equal(text, '+HELLO store/1\n-ERR line too long\n')
})

test('a client keeps its connection, and opens another only while that one is in use', async () => {
  const { ask, connections } = await start()
  for (let n = 1; n <= 3; n += 1) assert.equal(await ask('ADD n 1'), `+${n}`)
  assert.equal(connections(), 1)
  await Promise.all([ask('PING'), ask('PING')])
  assert.equal(connections(), 2)
})

test('a connection past its age is replaced by a new one', async () => {
  const { ask, connections } = await start(0)
  await ask('PING')
  await ask('PING')
  assert.equal(connections(), 2)
})

test('an error reply fails the request as a bad answer, a closed port as unreachable', async () => {
  const { ask, port, store } = await start()
  await assert.rejects(ask('NONSENSE'), {
    status: 502,
    message: 'store replied -ERR unknown command NONSENSE',
  })
  store.startDraining()
  store.server.close()
  await once(store.server, 'close')
  await assert.rejects(ask('PING'), { status: 503, message: 'store unreachable: ECONNREFUSED' })
  assert.ok(port > 0)
})

test('a client whose server goes away while the connection rests asks the next one', async () => {
  const { ask, store, port } = await start()
  assert.equal(await ask('ADD n 1'), '+1')
  store.startDraining()
  store.server.close()
  await once(store.server, 'close')
  const next = createStoreServer()
  servers.push(next.server)
  next.server.on('connection', (socket) => accepted.push(socket))
  next.server.listen(port, '127.0.0.1')
  await once(next.server, 'listening')
  assert.equal(await ask('ADD n 1'), '+1')
})

test('a server that says goodbye instead of answering is asked again on a new connection', async () => {
  let connections = 0
  const port = await listen(
    createServer((socket) => {
      connections += 1
      const first = connections === 1
      let lines = 0
      socket.write('+HELLO store/1\n')
      socket.on('data', () => {
        lines += 1
        if (first && lines === 2) socket.end('+BYE\n')
        else socket.write('+PONG\n')
      })
    }),
  )
  const env = { STORE_SERVICE_HOST: '127.0.0.1', STORE_SERVICE_PORT: String(port) }
  const asker = createAsker({ env, timeoutMs: 5_000 })
  assert.equal(await asker({ service: 'store', line: 'PING' }), '+PONG')
  assert.equal(await asker({ service: 'store', line: 'PING' }), '+PONG')
  assert.equal(connections, 2)
})
