import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { rawClient } from '../support/raw-client.ts'
import { listenLocal } from '../support/sidecar-pair.ts'
import { forgetPeaks, MODES, type Path, peakMemoryBytes, startPath } from './path.ts'
import { digestOf, pattern, request } from './requests.ts'

const MIB = 1 << 20
const LARGE = 64 * MIB

/** One transfer: what is written into `sink` comes out of `source`, which nobody reads yet. */
interface Transfer {
  readonly sink: Writable
  readonly source: Readable
  readonly finish: () => void
}

interface Protocol {
  readonly app: net.Server
  readonly protocol: 'http' | 'tcp' | 'grpc'
  readonly transfers: Readonly<Record<'up' | 'down', (to: SocketAddress) => Promise<Transfer>>>
  /** What others ask for meanwhile; fails when they have to wait. */
  readonly others: (to: SocketAddress) => Promise<void>
}

function http1(): Protocol {
  const app = http.createServer((asked, answer) => {
    if (asked.url === '/other') answer.end('other')
  })
  const headers = { 'content-length': LARGE }
  return {
    app,
    protocol: 'http',
    transfers: {
      up: async (to) => {
        const sink = http.request({ ...to, path: '/up', method: 'POST', headers })
        sink.on('response', (response) => response.resume())
        sink.flushHeaders()
        const [source, answer] = await once(app, 'request')
        return { sink, source, finish: () => answer.end() }
      },
      down: async (to) => {
        const asked = http.get({ ...to, path: '/down' })
        const [, sink] = await once(app, 'request')
        sink.writeHead(200, headers).flushHeaders()
        const [source] = await once(asked, 'response')
        return { sink, source, finish: () => {} }
      },
    },
    others: async (to) => {
      assert.equal((await request(to, '/other', { agent: false })).body.toString(), 'other')
    },
  }
}

function tcp(): Protocol {
  const app = net.createServer({ allowHalfOpen: true, pauseOnConnect: true })
  const open = async (to: SocketAddress): Promise<readonly [net.Socket, net.Socket]> => {
    const accepted = once(app, 'connection')
    const client = net.connect({ ...to, allowHalfOpen: true })
    const [server] = await accepted
    return [client, server]
  }
  return {
    app,
    protocol: 'tcp',
    transfers: {
      up: async (to) => {
        const [sink, source] = await open(to)
        return { sink, source, finish: () => source.end() }
      },
      down: async (to) => {
        const [source, sink] = await open(to)
        return { sink, source, finish: () => source.end() }
      },
    },
    others: async (to) => {
      const accepted = once(app, 'connection')
      const client = await rawClient(to)
      const [server] = await accepted
      server.end('other')
      assert.equal(await client.closed(), 'other')
    },
  }
}

function overHttp2(): Protocol {
  const app = http2.createServer()
  app.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    if (headers[':path'] !== '/other') return
    stream.respond({ ':status': 200 })
    stream.end('other')
  })
  let session: http2.ClientHttp2Session | undefined
  const open = async (to: SocketAddress, path: string) => {
    session = http2.connect(`http://${to.host}:${to.port}`)
    session.on('error', () => {})
    await once(session, 'connect')
    // The default leaves no room for other streams beside one that nobody reads.
    session.setLocalWindowSize(MIB)
    const accepted = once(app, 'stream')
    const client = session.request({ ':method': 'POST', ':path': path }, { endStream: false })
    const [server] = (await accepted) as [http2.ServerHttp2Stream]
    return { session, client, server }
  }
  return {
    app,
    protocol: 'grpc',
    transfers: {
      up: async (to) => {
        const { session, client, server } = await open(to, '/up')
        const finish = (): void => {
          server.respond({ ':status': 200 }, { endStream: true })
          client.resume().once('close', () => session.close())
        }
        return { sink: client, source: server, finish }
      },
      down: async (to) => {
        const { session, client, server } = await open(to, '/down')
        client.end()
        server.resume().respond({ ':status': 200 })
        await once(client, 'response')
        return { sink: server, source: client, finish: () => session.close() }
      },
    },
    others: async () => {
      const stream = session?.request({ ':path': '/other' })
      assert.ok(stream)
      let body = ''
      for await (const chunk of stream) body += chunk
      assert.equal(body, 'other')
    },
  }
}

interface Poured {
  /** Bytes that the sink was given so far. */
  readonly taken: () => number
  readonly all: Promise<void>
}

function pour(sink: Writable): Poured {
  let taken = 0
  const all = async (): Promise<void> => {
    for (const chunk of pattern(LARGE)) {
      taken += chunk.length
      if (!sink.write(chunk)) await once(sink, 'drain')
    }
    sink.end()
  }
  return { taken: () => taken, all: all() }
}

async function settled(value: () => number): Promise<number> {
  let last = -1
  while (value() !== last) {
    last = value()
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return last
}

async function digest(source: Readable): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of source) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

for (const mode of MODES) {
  for (const [name, create] of Object.entries({
    'HTTP/1.1': http1,
    'raw TCP': tcp,
    'HTTP/2': overHttp2,
  })) {
    describe(`back-pressure of ${name} in ${mode} mode`, () => {
      const { app, protocol, transfers, others } = create()
      const open = new Set<net.Socket>()
      app.on('connection', (socket: net.Socket) => open.add(socket))
      let path: Path
      before(async () => {
        path = await startPath(mode, await listenLocal(app), protocol)
      })
      after(async () => {
        await path?.stop()
        app.close()
        for (const socket of open) socket.destroy()
      })

      for (const way of ['up', 'down'] as const) {
        const sender = way === 'up' ? 'client' : 'server'
        test(`who does not read holds the ${sender} back; others go on, all 64 MiB come in the end`, async (t) => {
          const { sink, source, finish } = await transfers[way](path.address)
          forgetPeaks(path)
          const before = peakMemoryBytes(path)
          const { taken, all } = pour(sink)
          const held = await settled(taken)
          t.diagnostic(`${(held / MIB).toFixed(1)} MiB were taken`)
          const grown = (limit: number): void =>
            peakMemoryBytes(path).forEach((peak, n) => {
              const mib = (peak - (before[n] ?? 0)) / MIB
              t.diagnostic(`proxy ${n} grew by ${mib.toFixed(0)} MiB`)
              assert.ok(mib < limit, `proxy ${n} grew by ${mib.toFixed(0)} MiB`)
            })
          grown(48)
          await others(path.address)
          // What is taken sits in socket buffers and tunnel windows.
          assert.ok(taken() < 48 * MIB, `${taken() >> 20} of 64 MiB were taken`)
          assert.equal(await digest(source), digestOf(pattern(LARGE)))
          await all
          finish()
          // With the garbage of a first transfer.
          grown(64)
        })
      }
    })
  }
}
