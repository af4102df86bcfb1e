import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type tls from 'node:tls'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { createCredential } from '../../proxies/identity/certificates.ts'
import { connectMtls } from '../../proxies/identity/client.ts'
import { startAdmin } from '../../proxies/process/admin.ts'
import { MAX_CONNECTIONS, maxConnections } from '../../proxies/process/listeners.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import {
  FRAME,
  type Frame,
  frame,
  frameReader,
  PREFACE,
  settingsOf,
} from '../support/http2-frames.ts'
import type { ProxyProcess } from '../support/proxy-process.ts'
import { exchangeRaw } from '../support/raw-client.ts'
import { CLIENT_ID, type SidecarPair, startSidecarPair } from '../support/sidecar-pair.ts'
import { startWaypointPath, WAYPOINT_ID, type WaypointPath } from '../support/waypoint-path.ts'

const KIB = 1024
const MAX_CONCURRENT_STREAMS = 3
const INITIAL_WINDOW_SIZE = 4
const MAX_FRAME_SIZE = 5
const MAX_HEADER_LIST_SIZE = 6

let app: HttpApp
let sidecars: SidecarPair
let path: WaypointPath
before(async () => {
  app = await startHttpApp()
  sidecars = await startSidecarPair({ app: app.address })
  path = await startWaypointPath(app.address)
})
after(async () => {
  await Promise.all([sidecars?.stop(), path?.stop()])
  await app?.close()
})

/** What a server announces to a client that has said nothing but hello. */
async function announced(socket: NodeJS.ReadWriteStream): Promise<ReadonlyMap<number, number>> {
  const settings = new Promise<Frame>((resolve) => {
    const read = frameReader((received) => {
      if (received.type === FRAME.settings && received.flags === 0) resolve(received)
    })
    socket.on('data', read)
  })
  socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]))
  return settingsOf((await settings).payload)
}

async function tunnelTo({ host, port }: SocketAddress): Promise<tls.TLSSocket> {
  return connectMtls({
    address: { host, port },
    credential: createCredential(await path.authority.issue(CLIENT_ID)),
    expectedIdentities: [WAYPOINT_ID],
    alpn: ['h2'],
  })
}

describe('the limits of docs/limits.md', () => {
  test('a sidecar announces 1,024 streams, 60 KiB of fields and a window of 256 KiB', async () => {
    const { host, port } = sidecars.address
    const socket = connect({ host, port }).on('error', () => {})
    const settings = await announced(socket)
    assert.equal(settings.get(MAX_CONCURRENT_STREAMS), 1_024)
    assert.equal(settings.get(MAX_HEADER_LIST_SIZE), 60 * KIB)
    assert.equal(settings.get(INITIAL_WINDOW_SIZE), 256 * KIB)
    socket.destroy()
  })

  test('a waypoint announces 100 streams, 64 KiB of fields, 4 MiB windows and 1 MiB frames', async () => {
    const socket = await tunnelTo(path.gateway)
    const settings = await announced(socket)
    assert.equal(settings.get(MAX_CONCURRENT_STREAMS), 100)
    assert.equal(settings.get(MAX_HEADER_LIST_SIZE), 64 * KIB)
    assert.equal(settings.get(INITIAL_WINDOW_SIZE), 4 * KIB * KIB)
    assert.equal(settings.get(MAX_FRAME_SIZE), KIB * KIB)
    socket.destroy()
  })

  test('a CONNECT with more than 64 KiB of fields is reset, the next one on the tunnel is not', async () => {
    const socket = await tunnelTo(path.gateway)
    const session = connectHttp2('https://hbone', { createConnection: () => socket })
    session.on('error', () => {})
    await once(session, 'remoteSettings')
    const connectTo = (more: Readonly<Record<string, string>>) =>
      session
        .request(
          { ':method': 'CONNECT', ':authority': `${path.vip}:80`, ...more },
          { endStream: false },
        )
        .on('error', () => {})
    const fields = Object.fromEntries(
      Array.from({ length: 8 }, (_, n) => [`x-${n}`, 'a'.repeat(10_000)]),
    )
    const large = connectTo(fields)
    let answered = false
    large.on('response', () => {
      answered = true
    })
    await new Promise((resolve) => large.once('close', resolve))
    assert.equal(answered, false)
    const small = connectTo({})
    const [answer] = await once(small, 'response')
    assert.equal(answer[':status'], 200)
    session.destroy()
  })

  test('connections: 10,000, or what the environment says', () => {
    assert.equal(MAX_CONNECTIONS, 10_000)
    assert.equal(maxConnections({}), 10_000)
    assert.equal(maxConnections({ MAX_CONNECTIONS: '25' }), 25)
    assert.equal(maxConnections({ MAX_CONNECTIONS: 'many' }), 10_000)
    assert.equal(maxConnections({ MAX_CONNECTIONS: '0' }), 10_000)
  })
})

const HOST = 'Host: server'
const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: server\r\n\r\n'

/** What parsers have taken for one request and for two. */
const ambiguous: Readonly<Record<string, string>> = {
  'Content-Length with Transfer-Encoding': `${lines('POST /a HTTP/1.1', HOST, 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n${SMUGGLED}`,
  'Transfer-Encoding with Content-Length': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked', 'Content-Length: 4')}0\r\n\r\n${SMUGGLED}`,
  'two lengths': `${lines('POST /a HTTP/1.1', HOST, 'Content-Length: 0', `Content-Length: ${SMUGGLED.length}`)}${SMUGGLED}`,
  'one length twice': `${lines('POST /a HTTP/1.1', HOST, 'Content-Length: 0', 'Content-Length: 0')}${SMUGGLED}`,
  'a list of lengths': `${lines('POST /a HTTP/1.1', HOST, 'Content-Length: 0, 0')}${SMUGGLED}`,
  'a folded line': `${lines('POST /a HTTP/1.1', HOST, 'X: a', ' Transfer-Encoding: chunked', 'Content-Length: 0')}${SMUGGLED}`,
  'a folded coding': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding:', ' chunked')}0\r\n\r\n${SMUGGLED}`,
  'a bare LF between fields': `POST /a HTTP/1.1\r\nHost: server\nContent-Length: 0\r\n\r\n${SMUGGLED}`,
  'a bare LF as the end of the head': `POST /a HTTP/1.1\r\nHost: server\r\nContent-Length: 0\n\n${SMUGGLED}`,
  'a bare LF after a chunk size': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}0\n\r\n${SMUGGLED}`,
  'a bare LF in a chunk extension': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}1;a\nb\r\nx\r\n0\r\n\r\n${SMUGGLED}`,
  'a bare CR after a chunk size': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}1\rx\r\n0\r\n\r\n${SMUGGLED}`,
  'an endless chunk extension': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}1;${'a'.repeat(2_000)}\r\nx\r\n0\r\n\r\n${SMUGGLED}`,
  'a chunk longer than its size': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}1\r\nxy\r\n0\r\n\r\n${SMUGGLED}`,
  'a blank before the colon': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding : chunked')}0\r\n\r\n${SMUGGLED}`,
  'an unknown coding': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: xchunked')}0\r\n\r\n${SMUGGLED}`,
  'a chunk size beyond 64 bits': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}10000000000000001\r\nx\r\n0\r\n\r\n${SMUGGLED}`,
  'identity beside chunked': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked, identity')}0\r\n\r\n${SMUGGLED}`,
  'a vertical tab before a coding': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: \x0bchunked')}0\r\n\r\n${SMUGGLED}`,
  'a coding twice': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n${SMUGGLED}`,
  'a length with a plus': `${lines('POST /a HTTP/1.1', HOST, 'Content-Length: +0')}${SMUGGLED}`,
  'a length with a blank in it': `${lines('POST /a HTTP/1.1', HOST, 'Content-Length: 0 0')}${SMUGGLED}`,
  'a hexadecimal length': `${lines('POST /a HTTP/1.1', HOST, 'Content-Length: 0x0')}${SMUGGLED}`,
  'a blank before the colon of a length': `${lines('POST /a HTTP/1.1', HOST, 'Content-Length : 0')}${SMUGGLED}`,
  'a NUL in a value': `${lines('POST /a HTTP/1.1', HOST, 'X: a\0b', 'Content-Length: 0')}${SMUGGLED}`,
  'a NUL in a name': `${lines('POST /a HTTP/1.1', HOST, 'X\0: a', 'Content-Length: 0')}${SMUGGLED}`,
  'two Hosts': `${lines('POST /a HTTP/1.1', HOST, 'Host: other', 'Content-Length: 0')}${SMUGGLED}`,
  'a coding in HTTP/1.0': `${lines('POST /a HTTP/1.0', HOST, 'Transfer-Encoding: chunked')}0\r\n\r\n${SMUGGLED}`,
  'a coding among the trailers': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}0\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED}`,
  'a length among the trailers': `${lines('POST /a HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}0\r\nContent-Length: 40\r\n\r\n${SMUGGLED}`,
}

/** What takes no framing away, whatever it says. */
const framed: Readonly<Record<string, readonly string[]>> = {
  'a length with leading zeros': [`Content-Length: 000${SMUGGLED.length}`],
  'blanks around a length': [`Content-Length:   ${SMUGGLED.length}  `],
  'Connection that names the length': [
    `Content-Length: ${SMUGGLED.length}`,
    'Connection: content-length',
  ],
  'Connection that names the coding': [
    'Transfer-Encoding: chunked',
    'Connection: transfer-encoding',
  ],
  'Connection that names Host': [`Content-Length: ${SMUGGLED.length}`, 'Connection: host'],
}

const doors: Readonly<Record<string, () => SocketAddress>> = {
  "the client's sidecar": () => sidecars.address,
  "the server's sidecar": () => sidecars.inbound,
  'a waypoint': () => path.address,
}

for (const [who, door] of Object.entries(doors)) {
  describe(`${who} never makes two requests of one`, () => {
    for (const [what, bytes] of Object.entries(ambiguous)) {
      test(`${what} gets one answer, 400`, async () => {
        const before = app.requests.length
        const answer = await exchangeRaw(door(), bytes)
        assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
        assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1)
        const arrived = app.requests.slice(before)
        assert.ok(!arrived.some(({ url }) => url === '/smuggled'))
      })
    }

    for (const [what, fields] of Object.entries(framed)) {
      test(`${what}: the body is still the body of this request`, async () => {
        const before = app.requests.length
        const head = lines('POST /echo HTTP/1.1', HOST, 'Connection: close', ...fields)
        const chunked = fields.includes('Transfer-Encoding: chunked')
        const size = SMUGGLED.length.toString(16)
        const body = chunked ? `${size}\r\n${SMUGGLED}\r\n0\r\n\r\n` : SMUGGLED
        const answer = await exchangeRaw(door(), `${head}${body}`)
        assert.match(answer, /^HTTP\/1\.1 200 /)
        assert.ok(answer.includes(SMUGGLED), 'the body comes back')
        // Heads of the cases above may come late: their bodies were wrong.
        const arrived = app.requests.slice(before).filter(({ url }) => url !== '/a')
        assert.deepEqual(
          arrived.map(({ url }) => url),
          ['/echo'],
        )
      })
    }

    test('the authority of an absolute target replaces another Host', async () => {
      const target = 'GET http://server/headers HTTP/1.1'
      const request = lines(target, 'Host: elsewhere', 'Connection: close')
      assert.match(await exchangeRaw(door(), request), /^HTTP\/1\.1 200 /)
      const arrived = app.requests.at(-1)
      assert.deepEqual([arrived?.url, arrived?.headers.host], ['/headers', 'server'])
    })

    test('a chunk extension is read over and not passed on', async () => {
      const request = lines(
        'POST /echo HTTP/1.1',
        HOST,
        'Connection: close',
        'Transfer-Encoding: chunked',
      )
      const answer = await exchangeRaw(door(), `${request}5;a="b\\"c"\r\nhello\r\n0\r\n\r\n`)
      assert.match(answer, /^HTTP\/1\.1 200 /)
      assert.ok(!answer.includes('a="b'))
    })
  })
}

describe('admin ports', () => {
  test('of all three proxies show certificates and no private key', async () => {
    const proxies: readonly ProxyProcess[] = [sidecars.client, path.source, path.waypoint]
    for (const { admin } of proxies) {
      assert.match(admin.admin.host, /^127\./)
      const { host, port } = admin.admin
      const dump = await (await fetch(`http://${host}:${port}/config_dump`)).text()
      assert.match(dump, /BEGIN CERTIFICATE/)
      assert.doesNotMatch(dump, /PRIVATE KEY|privateKey/)
    }
  })

  test('are refused anywhere but on loopback, each of them', async () => {
    const local = { host: '127.0.0.1', port: 0 }
    const source = { pending: () => [], metrics: () => '', dump: () => ({}), quit: () => {} }
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.example']) {
      for (const name of ['admin', 'stats', 'readiness'] as const) {
        const addresses = {
          admin: local,
          stats: local,
          readiness: local,
          [name]: { host, port: 0 },
        }
        await assert.rejects(startAdmin(addresses, source), /is not a loopback address/)
      }
    }
  })
})
