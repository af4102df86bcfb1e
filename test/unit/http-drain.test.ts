import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import type { RequestHandler } from '../../proxies/http/codec.ts'
import { DEFAULT_LIMITS } from '../../proxies/http/limits.ts'
import { ServerConnection } from '../../proxies/http/server-connection.ts'
import { Sweeper } from '../../proxies/http/sweeper.ts'
import { answering } from '../support/answering.ts'

const GET = 'GET / HTTP/1.1\r\nHost: server\r\n\r\n'

class Client extends Duplex {
  received = ''

  override _read(): void {}

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.received += piece.toString('latin1')
    done()
  }
}

function answer(connection: ServerConnection): RequestHandler {
  return answering(connection, () =>
    connection.sendHead('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n', 'length', false),
  )
}

interface Stage {
  readonly client: Client
  readonly connection: ServerConnection
  pass(ms: number): Promise<void>
}

function stage(t: TestContext): Stage {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const startMs = performance.now()
  let passedMs = 0
  t.mock.method(performance, 'now', () => startMs + passedMs)
  const client = new Client()
  const connection = new ServerConnection(client, {
    limits: DEFAULT_LIMITS,
    sweeper: new Sweeper(),
    serverName: 'envoy',
    onRequest: answer,
  })
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 500) {
      passedMs += 500
      t.mock.timers.tick(500)
      await new Promise(setImmediate)
    }
  }
  return { client, connection, pass }
}

test('a connection that drains before its first request waits for it, and closes with the answer', async (t) => {
  const { client, connection, pass } = stage(t)
  connection.drain()
  await pass(30_000)
  assert.equal(client.writableEnded, false)
  client.push(GET)
  await once(client, 'finish')
  assert.equal(client.received, 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
})

test('a connection that drains between two requests is closed after a second of silence', async (t) => {
  const { client, connection, pass } = stage(t)
  client.push(GET)
  await new Promise(setImmediate)
  assert.equal(client.received, 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
  connection.drain()
  await pass(500)
  assert.equal(client.writableEnded, false)
  await pass(1_500)
  assert.equal(client.writableEnded, true)
})

test('a connection that drains and is never used is closed in the end', async (t) => {
  const { client, connection, pass } = stage(t)
  connection.drain()
  await pass(DEFAULT_LIMITS.headTimeoutMs + 1_000)
  assert.equal(client.writableEnded, true)
})
