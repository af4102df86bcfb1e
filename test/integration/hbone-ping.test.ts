import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { serveTunnel } from '../../proxies/hbone/server.ts'
import { Tunnel } from '../../proxies/hbone/tunnel.ts'
import { FLAG, FRAME, type Frame, frame, frameReader, PREFACE } from '../support/http2-frames.ts'

interface Ends {
  /** A tunnel's own end is on it. */
  readonly own: Socket
  /** Speaks for the peer, in frames. */
  readonly peer: Socket
}

/** One connection, on a clock that only the test moves. */
async function ends(t: TestContext): Promise<Ends> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
  await once(peer, 'connect')
  const [own] = (await accepted) as [Socket]
  own.on('error', () => {})
  // A timer of this test's clock has to be cleared on it, which the end of the connection does.
  t.after(async () => {
    peer.destroy()
    server.close()
    if (own.closed) return
    const closed = once(own, 'close')
    own.destroy()
    await closed
  })
  t.mock.timers.enable({ apis: ['setTimeout'] })
  return { own, peer }
}

const isPing = ({ type, flags }: Frame): boolean => type === FRAME.ping && flags === 0

/** The peer's view of the pings it gets, and whether it answers them. */
function watch({ peer }: Ends, prefaceBytes: number) {
  const frames: Frame[] = []
  const read = frameReader((one) => frames.push(one), prefaceBytes)
  peer.on('data', read)
  let probes = 0
  return {
    frames,
    pings: (): number => frames.filter(isPing).length,
    answer: (): void => {
      const last = frames.filter(isPing).at(-1)
      peer.write(frame(FRAME.ping, FLAG.ack, 0, last?.payload))
    },
    /** Resolves when all that was written by both sides so far has been read. */
    async settle(): Promise<void> {
      probes += 1
      const probe = Buffer.alloc(8, probes)
      peer.write(frame(FRAME.ping, 0, 0, probe))
      const isAnswer = ({ type, flags, payload }: Frame): boolean =>
        type === FRAME.ping && flags === FLAG.ack && payload.equals(probe)
      while (!frames.some(isAnswer)) await once(peer, 'data')
    },
  }
}

const both: Readonly<Record<string, (own: Socket) => number>> = {
  server: (own) => {
    serveTunnel(own, { onConnect: () => {} })
    return 0
  },
  client: (own) => {
    Tunnel.over(own, { onIdle: () => {}, onClosing: () => {} })
    return PREFACE.length
  },
}

for (const [side, begin] of Object.entries(both)) {
  test(`K11: the ${side} of a tunnel sends PING after 10 s, again 10 s after each pong, and gives up after 20 s without`, async (t) => {
    const connection = await ends(t)
    const prefaceBytes = begin(connection.own)
    const seen = watch(connection, prefaceBytes)
    const settings = frame(FRAME.settings, 0, 0)
    connection.peer.write(side === 'server' ? Buffer.concat([PREFACE, settings]) : settings)
    await seen.settle()

    for (let answered = 0; answered < 3; answered += 1) {
      t.mock.timers.tick(9_999)
      await seen.settle()
      assert.equal(seen.pings(), answered)
      t.mock.timers.tick(1)
      await seen.settle()
      assert.equal(seen.pings(), answered + 1)
      seen.answer()
      await seen.settle()
    }

    t.mock.timers.tick(10_000)
    await seen.settle()
    t.mock.timers.tick(19_999)
    await seen.settle()
    const closed = once(connection.peer, 'close')
    t.mock.timers.tick(1)
    await closed
    const goaway = seen.frames.find(({ type }) => type === FRAME.goaway)
    assert.equal(goaway?.payload.readUInt32BE(4), side === 'server' ? 0 : undefined)
  })
}
