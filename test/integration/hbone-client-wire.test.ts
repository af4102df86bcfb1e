import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { type AmbientPair, startAmbientPair } from '../support/ambient-pair.ts'
import { readOffer } from '../support/client-hello.ts'
import {
  FLAG,
  FRAME,
  type Frame,
  frame,
  frameReader,
  PREFACE,
  STATUS_200,
  settingsOf,
} from '../support/http2-frames.ts'
import { total } from '../support/proxy-process.ts'

const PORT = 25_008
const KIB = 1024
const MIB = 1024 * KIB

let pair: AmbientPair
let raw: Server
let tls: TlsServer
let hello: Buffer
let tunnels: Socket[] = []
let onTunnel: (socket: TLSSocket) => void

/** The test is the HBONE server: what the ztunnel of the client's node sends is judged byte by byte. */
before(async () => {
  pair = await startAmbientPair(230, { hbonePort: PORT })
  const issued = await pair.authority.issue('spiffe://cluster.local/ns/shop/sa/server')
  tls = createTlsServer(
    {
      cert: issued.certChainPem,
      key: issued.privateKeyPem,
      ca: issued.rootsPem,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.2',
    },
    (socket) => {
      socket.on('error', () => {})
      onTunnel(socket)
    },
  )
  raw = createServer((socket) => {
    tunnels.push(socket)
    socket.once('data', (chunk) => {
      hello = chunk
      socket.pause()
      socket.unshift(chunk)
      tls.emit('connection', socket)
    })
  }).listen(PORT, pair.server.workloadIps[0])
  await once(raw, 'listening')
})
after(async () => {
  await pair.stop()
  raw.close()
})
/** Every test starts without a tunnel. */
beforeEach(async () => {
  const open = tunnels.filter(({ destroyed }) => !destroyed)
  tunnels = []
  for (const socket of open) socket.destroy()
  const { host, port } = pair.source.admin.admin
  const held = async (): Promise<number> => {
    const dump = await fetch(`http://${host}:${port}/config_dump`)
    return ((await dump.json()) as { readonly tunnels: number }).tunnels
  }
  while ((await held()) > 0) await setImmediate()
})

function dial(): Socket {
  return connect({ ...pair.capture, allowHalfOpen: true }).on('error', () => {})
}

interface Connect {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly session: ServerHttp2Session
  readonly socket: TLSSocket
}

/** Resolves with the next CONNECT, unanswered. */
function nextConnect(): Promise<Connect> {
  return new Promise((resolve) => {
    onTunnel = (socket) => {
      const session = performServerHandshake(socket)
      session.on('error', () => {})
      session.on('stream', (stream: ServerHttp2Stream, headers) => {
        stream.on('error', () => {})
        resolve({ stream, headers, session, socket })
      })
    }
  })
}

/** Unlike `once` it does not mind an error before: a reset is a way to close. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

function ping(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    session.ping((error) => (error ? reject(error) : resolve()))
  })
}

describe('a ztunnel as HBONE client', () => {
  test('K1: offers TLS 1.3 and ALPN h2 only, two suites, no server name, and proves its pod', async () => {
    const connecting = nextConnect()
    const client = dial()
    const { socket } = await connecting
    const offer = readOffer(hello)
    assert.deepEqual(offer.versions, [0x0304])
    assert.deepEqual(offer.alpn, ['h2'])
    assert.equal(offer.serverName, false)
    // TLS_EMPTY_RENEGOTIATION_INFO_SCSV is a signal, not a suite.
    const suites = offer.suites.filter((suite) => suite !== 0x00ff)
    assert.deepEqual(suites, [0x1302, 0x1301])
    const names = socket.getPeerX509Certificate()?.subjectAltName
    assert.equal(names, 'URI:spiffe://cluster.local/ns/shop/sa/client')
    client.destroy()
  })

  test('K3: a CONNECT has just :method and :authority, the pod address and the target port', async () => {
    const connecting = nextConnect()
    const client = dial()
    const { headers } = await connecting
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith(':')),
      [':method', ':authority'],
    )
    assert.equal(headers[':method'], 'CONNECT')
    assert.equal(headers[':authority'], `${pair.server.workloadIps[0]}:8080`)
    client.destroy()
  })

  test('K4: tells who sends, for whom, and a trace of its own', async () => {
    const connecting = nextConnect()
    const client = dial()
    const { headers } = await connecting
    const baggage = [
      'k8s.cluster.name=Kubernetes',
      'k8s.namespace.name=shop',
      'k8s.deployment.name=client',
      'service.name=client',
      'service.version=v1',
    ]
    assert.equal(headers.baggage, baggage.join(','))
    assert.match(
      headers.forwarded ?? '',
      /^for="127\.230\.1\.1:\d+";host=server\.shop\.svc\.cluster\.local$/,
    )
    assert.match(String(headers.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    client.destroy()
  })

  test('K5: no byte of the application leaves before the 200', async () => {
    const connecting = nextConnect()
    const client = dial()
    client.write('impatient')
    const { stream, session } = await connecting
    let received = ''
    stream.on('data', (chunk) => {
      received += chunk
    })
    for (let round = 0; round < 5; round += 1) await ping(session)
    assert.equal(received, '')
    stream.respond({ ':status': 200 })
    await once(stream, 'data')
    assert.equal(received, 'impatient')
    client.destroy()
  })

  for (const status of [204, 400, 401, 404, 503]) {
    test(`K5: an answer of ${status} closes the application's socket, once and for all`, async () => {
      const failed = async () =>
        total(await pair.source.metrics(), 'istio_tcp_connections_failed_total', {
          response_flags: 'CONNECT',
        })
      const before = await failed()
      const connecting = nextConnect()
      const client = dial()
      client.resume().write('hello')
      const { stream } = await connecting
      stream.respond({ ':status': status }, { endStream: true })
      await closed(client)
      assert.equal(client.bytesRead, 0)
      assert.equal(tunnels.length, 1)
      assert.equal(await failed(), before + 1)
    })
  }

  test('K6: announces the windows and frame size of ztunnel, and takes DATA frames of 1 MiB', async () => {
    const settings: ReadonlyMap<number, number>[] = []
    const windows: number[] = []
    const body = Buffer.alloc(MIB, 'm')
    onTunnel = (socket) => {
      const onFrame = ({ type, flags, stream, payload }: Frame): void => {
        if (type === FRAME.settings && (flags & FLAG.ack) === 0) {
          settings.push(settingsOf(payload))
          socket.write(frame(FRAME.settings, FLAG.ack, 0))
        }
        if (type === FRAME.windowUpdate && stream === 0) windows.push(payload.readUInt32BE(0))
        if (type === FRAME.headers) {
          socket.write(frame(FRAME.headers, FLAG.endHeaders, stream, STATUS_200))
          socket.write(frame(FRAME.data, FLAG.endStream, stream, body))
        }
      }
      socket.on('data', frameReader(onFrame, PREFACE.length))
      socket.write(frame(FRAME.settings, 0, 0))
    }
    const client = dial()
    let received = 0
    client.on('data', (chunk) => {
      received += chunk.length
    })
    await once(client, 'end')
    assert.equal(received, MIB)
    assert.equal(settings[0]?.get(0x2), 0, 'no push')
    assert.equal(settings[0]?.get(0x4), 4 * MIB, 'stream window')
    assert.equal(settings[0]?.get(0x5), MIB, 'largest frame')
    assert.equal(settings[0]?.get(0x6), 16 * KIB, 'header list')
    const opened = 65_535 + windows.slice(0, 1).reduce((sum, bytes) => sum + bytes, 0)
    assert.equal(opened, 16 * MIB, 'connection window')
    client.destroy()
  })

  test('K9: after GOAWAY a new connection takes a new tunnel and the running one finishes', async () => {
    const first = nextConnect()
    const client = dial()
    const { stream, session } = await first
    stream.respond({ ':status': 200 })
    stream.on('data', (chunk) => stream.write(`echo ${chunk}`))
    client.write('one')
    await once(client, 'data')
    session.goaway(0, 2 ** 31 - 1)
    await ping(session)
    const second = nextConnect()
    const late = dial()
    const other = await second
    assert.notEqual(other.session, session)
    assert.equal(tunnels.length, 2)
    client.write('two')
    assert.equal(String((await once(client, 'data'))[0]), 'echo two')
    client.destroy()
    late.destroy()
  })

  for (const [name, code] of [
    ['CANCEL', 0x8],
    ['NO_ERROR', 0x0],
  ] as const) {
    test(`K19: a stream reset with ${name} is an ordinary end of the connection`, async () => {
      const failures = (): number => pair.source.stderr().split('connection failed').length
      const before = failures()
      const connecting = nextConnect()
      const client = dial()
      const { stream } = await connecting
      stream.respond({ ':status': 200 })
      client.write('x')
      await once(stream, 'data')
      stream.close(code)
      await once(client.resume(), 'end')
      client.end()
      await closed(client)
      assert.equal(failures(), before)
    })
  }
})
