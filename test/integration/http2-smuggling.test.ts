import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { FLAG, FRAME, frame, frameReader, literal, PREFACE } from '../support/http2-frames.ts'
import { listenLocal, type SidecarPair, startSidecarPair } from '../support/sidecar-pair.ts'
import { startWaypointPath, type WaypointPath } from '../support/waypoint-path.ts'

interface Arrived {
  readonly headers: IncomingHttpHeaders
  body: string
}

const arrived: Arrived[] = []
/** A proxy passes HTTP/2 on as HTTP/2. */
const app = createServer()
app.on('stream', (stream, headers) => {
  const request: Arrived = { headers, body: '' }
  arrived.push(request)
  stream.on('error', () => {})
  stream.setEncoding('latin1').on('data', (text: string) => {
    request.body += text
  })
  stream.on('end', () => stream.respond({ ':status': 200 }, { endStream: true }))
})

let sidecars: SidecarPair
let path: WaypointPath
before(async () => {
  const address = await listenLocal(app)
  sidecars = await startSidecarPair({ app: address })
  path = await startWaypointPath(address)
})
after(async () => {
  await Promise.all([sidecars?.stop(), path?.stop()])
  app.close()
})

type Field = readonly [string, string]

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: server\r\n\r\n'

interface Request {
  readonly fields: readonly Field[]
  readonly body?: string
}

/** A request with pseudo fields in place of the usual ones where given, and more fields behind them. */
function request(pseudo: Readonly<Record<string, string>>, ...more: readonly Field[]): Request {
  const usual = { ':method': 'GET', ':scheme': 'http', ':path': '/a', ':authority': 'server' }
  return { fields: [...Object.entries({ ...usual, ...pseudo }), ...more] }
}

const post = (...more: readonly Field[]): Request => request({ ':method': 'POST' }, ...more)

/**
 * Fields that would become others, or another request, when they are written as HTTP/1.1. node's codec
 * (nghttp2) leaves such a field out and tells nobody.
 */
const leftOut: Readonly<Record<string, Request>> = {
  'a line end in a value': request({}, ['x', `a\r\n\r\n${SMUGGLED}`]),
  'a bare LF in a value': request({}, ['x', 'a\ntransfer-encoding: chunked']),
  'a bare CR in a value': request({}, ['x', 'a\rtransfer-encoding: chunked']),
  'a NUL in a value': request({}, ['x', 'a\0b']),
  'a line end in a name': request({}, ['x: a\r\ntransfer-encoding', 'chunked']),
  'a colon in a name': request({}, ['content-length: 0\r\nx', 'a']),
  'a blank in a name': request({}, ['content-length ', '0']),
  'an empty name': request({}, ['', 'a']),
}

/** What two parsers may take for different requests, or for two. */
const refused: Readonly<Record<string, Request>> = {
  'a name in capitals': request({}, ['Content-Length', '0']),
  'a blank in the path': request({ ':path': '/a HTTP/1.1' }),
  'a request in the path': request({ ':path': `/a HTTP/1.1\r\nHost: server\r\n\r\n${SMUGGLED}` }),
  'a fragment in the path': request({ ':path': '/a#b' }),
  'an empty path': request({ ':path': '' }),
  'a path without a slash': request({ ':path': 'a' }),
  'a request in the method': request({ ':method': `GET /b HTTP/1.1\r\n\r\nGET` }),
  'a blank in the method': request({ ':method': 'GET /smuggled' }),
  'a line end in the authority': request({ ':authority': 'server\r\nx: y' }),
  'a path in the authority': request({ ':authority': 'server/smuggled' }),
  'an unknown pseudo field': request({ ':x': 'a' }),
  'a pseudo field of answers': request({ ':status': '200' }),
  'a pseudo field behind the others': request({}, ['x', 'a'], [':path', '/b']),
  'a path twice': request({}, [':path', '/b']),
  'transfer-encoding': { ...post(['transfer-encoding', 'chunked']), body: `0\r\n\r\n${SMUGGLED}` },
  connection: request({}, ['connection', 'close']),
  'keep-alive': request({}, ['keep-alive', 'timeout=5']),
  'proxy-connection': request({}, ['proxy-connection', 'close']),
  upgrade: request({}, ['upgrade', 'websocket']),
  'a te other than trailers': request({}, ['te', 'chunked']),
  'less body than its length': { ...post(['content-length', '50']), body: 'short' },
  'more body than its length': { ...post(['content-length', '1']), body: `a${SMUGGLED}` },
  'body beyond a length of 0': { ...post(['content-length', '0']), body: SMUGGLED },
  'two lengths': { ...post(['content-length', '1'], ['content-length', '2']), body: 'ab' },
  'a length that is no number': { ...post(['content-length', '+2']), body: 'ab' },
  'a list of lengths': { ...post(['content-length', '2, 2']), body: 'ab' },
  'extended CONNECT, which was not offered': request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
  }),
}

const doors: Readonly<Record<string, () => SocketAddress>> = {
  "the client's sidecar": () => sidecars.address,
  "the server's sidecar": () => sidecars.inbound,
  'a waypoint': () => path.address,
}

/** What proxies and the ordinary request itself put there. */
const ADDED = /^(:method|:scheme|:authority|:path|x-forwarded-.*|x-request-id|x-envoy-.*)$/

type Outcome = 'reset' | 'closed' | number

/** What becomes of one request on a connection of its own. */
async function send(address: SocketAddress, { fields, body }: Request): Promise<Outcome> {
  const socket = connect({ host: address.host, port: address.port })
  socket.on('error', () => {})
  await once(socket, 'connect')
  const outcome = new Promise<Outcome>((resolve) => {
    socket.on(
      'data',
      frameReader(({ type, stream, payload }) => {
        if (type === FRAME.headers && stream === 1) resolve(statusOf(payload))
        if (type === FRAME.reset && stream === 1) resolve('reset')
      }),
    )
    socket.on('close', () => resolve('closed'))
  })
  const block = Buffer.concat(fields.map(([name, value]) => literal(name, value)))
  const end = body === undefined ? FLAG.endStream : 0
  const frames = [PREFACE, frame(FRAME.settings, 0, 0), frame(FRAME.settings, FLAG.ack, 0)]
  frames.push(frame(FRAME.headers, FLAG.endHeaders | end, 1, block))
  if (body !== undefined) frames.push(frame(FRAME.data, FLAG.endStream, 1, Buffer.from(body)))
  socket.write(Buffer.concat(frames))
  const result = await outcome
  socket.destroy()
  return result
}

/** Of a block that begins with `:status`, if it is one of the static table (RFC 7541 appendix A). */
function statusOf(block: Buffer): number {
  return { 136: 200, 140: 400 }[block[0] ?? 0] ?? 0
}

for (const [who, door] of Object.entries(doors)) {
  describe(`${who} and HTTP/2`, () => {
    test('an ordinary request arrives once, as it was sent', async () => {
      arrived.length = 0
      assert.equal(await send(door(), { ...post(['content-length', '2']), body: 'ab' }), 200)
      const [request, ...others] = arrived
      assert.deepEqual([request?.headers[':path'], request?.body, others.length], ['/a', 'ab', 0])
    })

    for (const [what, sent] of Object.entries(leftOut)) {
      test(`${what}: the request arrives once, without that field`, async () => {
        arrived.length = 0
        assert.equal(await send(door(), sent), 200)
        const [{ headers, body } = { headers: {}, body: '' }, ...others] = arrived
        assert.deepEqual([headers[':path'], body, others.length], ['/a', '', 0])
        const foreign = Object.keys(headers).filter((name) => !ADDED.test(name))
        assert.deepEqual(foreign, [])
      })
    }

    for (const [what, sent] of Object.entries(refused)) {
      test(`${what} is refused`, async () => {
        arrived.length = 0
        const outcome = await send(door(), sent)
        assert.ok(outcome === 'reset' || outcome === 400, String(outcome))
        // Its head may have been on its way before its body was seen to be wrong.
        if (sent.body === undefined) assert.deepEqual(arrived, [])
        assert.ok(arrived.every(({ headers }) => headers[':path'] === '/a'))
      })
    }
  })
}
