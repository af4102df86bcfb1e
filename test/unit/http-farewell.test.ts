import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import type { RequestHandler } from '../../proxies/http/codec.ts'
import { DEFAULT_LIMITS } from '../../proxies/http/limits.ts'
import { ServerConnection } from '../../proxies/http/server-connection.ts'
import { Sweeper } from '../../proxies/http/sweeper.ts'
import { answering } from '../support/answering.ts'

const BODY = Buffer.alloc(64 * 1024, 'b')
const PIECES = 4

/** A client that takes one piece whenever it is told to, and never closes its side. */
class SlowReader extends Duplex {
  received = ''
  #waiting: (() => void)[] = []

  override _read(): void {}

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.#waiting.push(() => {
      this.received += piece.toString('latin1')
      done()
    })
  }

  accept(): void {
    this.#waiting.shift()?.()
  }
}

function answer(connection: ServerConnection): RequestHandler {
  return answering(connection, () => {
    connection.sendHead('HTTP/1.1 200 OK\r\n', 'length', false)
    for (let n = 0; n < PIECES; n += 1) {
      connection.sendData(BODY, 0, BODY.length)
      connection.flush()
    }
  })
}

interface Stage {
  readonly reader: SlowReader
  /** Lets so much time go by. */
  pass(ms: number): Promise<void>
}

/** A client that asked for one answer with `connection: close`; all of it is written. */
async function stage(t: TestContext, flushTimeoutMs: number): Promise<Stage> {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const startMs = performance.now()
  let passedMs = 0
  t.mock.method(performance, 'now', () => startMs + passedMs)
  const reader = new SlowReader()
  new ServerConnection(reader, {
    limits: { ...DEFAULT_LIMITS, flushTimeoutMs },
    sweeper: new Sweeper(),
    serverName: 'envoy',
    onRequest: answer,
  })
  const pass = async (ms: number): Promise<void> => {
    passedMs += ms
    t.mock.timers.tick(ms)
    await new Promise((resolve) => setImmediate(resolve))
  }
  reader.push('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await pass(0)
  return { reader, pass }
}

test('a slow reader gets all of the answer that closes its connection', async (t) => {
  const { reader, pass } = await stage(t, 60_000)
  for (let n = 0; n <= PIECES; n += 1) {
    await pass(50_000)
    assert.equal(reader.destroyed, false, `after ${n} pieces`)
    reader.accept()
  }
  await pass(0)
  const [head = '', body = ''] = reader.received.split('\r\n\r\n')
  assert.match(head, /^HTTP\/1\.1 200 OK\r\nconnection: close$/)
  assert.equal(body.length, PIECES * BODY.length)
  assert.equal(reader.writableFinished, true)
  await pass(500)
  assert.equal(reader.destroyed, false, 'it may close its side itself')
  await pass(1_000)
  assert.equal(reader.destroyed, true)
})

test('one that takes nothing more is cut', async (t) => {
  const { reader, pass } = await stage(t, 60_000)
  reader.accept()
  await pass(59_000)
  assert.equal(reader.destroyed, false)
  await pass(61_000)
  await pass(61_000)
  assert.equal(reader.destroyed, true)
  assert.ok(reader.received.length < BODY.length * PIECES)
})

test('one that has ended its own side still gets all of it', async (t) => {
  const { reader, pass } = await stage(t, 60_000)
  reader.push(null)
  await pass(2_000)
  for (let n = 0; n <= PIECES; n += 1) reader.accept()
  await pass(0)
  assert.ok(reader.received.length > BODY.length * PIECES)
})
