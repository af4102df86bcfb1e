import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lines, readMessage, statusOf } from './http-messages.ts'

const GET = 'GET / HTTP/1.1'
const POST = 'POST / HTTP/1.1'
const HOST = 'Host: shop'

const accepted: Record<string, string> = {
  'a plain GET': lines(GET, HOST),
  'an empty line in front': `\r\n${lines(GET, HOST)}`,
  'an empty field value': lines(GET, HOST, 'X-Empty:'),
  'blanks around a value': lines(GET, HOST, 'X-A: \t b \t'),
  'obs-text in a value': lines(GET, HOST, 'X-A: caf\xe9'),
  'HTTP/1.0 without Host': lines('GET / HTTP/1.0'),
  'absolute form': lines('GET http://shop:80/a HTTP/1.1', HOST),
  'asterisk form': lines('OPTIONS * HTTP/1.1', HOST),
  'an IPv6 Host': lines(GET, 'Host: [::1]:80'),
  'CONNECT to an authority': lines('CONNECT shop:443 HTTP/1.1', 'Host: shop:443'),
  'a length of zero': lines(POST, HOST, 'Content-Length: 0'),
  'chunked in capitals': `${lines(POST, HOST, 'Transfer-Encoding: CHUNKED')}0\r\n\r\n`,
  'a chunk extension': `${lines(POST, HOST, 'Transfer-Encoding: chunked')}1;a="b"\r\nx\r\n0\r\n\r\n`,
  trailers: `${lines(POST, HOST, 'Transfer-Encoding: chunked')}0\r\nX-Sum: 1\r\n\r\n`,
}

for (const [what, text] of Object.entries(accepted)) {
  test(`a request with ${what} is accepted`, () => assert.equal(statusOf(text), 'accepted'))
}

const te = (value: string) => lines(POST, HOST, `Transfer-Encoding: ${value}`)
const chunked = te('chunked')

/** What two parsers may read as one request or as two; each gets the status named. */
const refused: Record<string, readonly [number, string]> = {
  'Content-Length with Transfer-Encoding': [
    400,
    lines(POST, HOST, 'Content-Length: 5', 'Transfer-Encoding: chunked'),
  ],
  'Transfer-Encoding before Content-Length': [
    400,
    lines(POST, HOST, 'Transfer-Encoding: chunked', 'Content-Length: 5'),
  ],
  'two different lengths': [400, lines(POST, HOST, 'Content-Length: 5', 'Content-Length: 6')],
  'the same length twice': [400, lines(POST, HOST, 'Content-Length: 5', 'Content-Length: 5')],
  'a list of lengths': [400, lines(POST, HOST, 'Content-Length: 5, 5')],
  'a tab after a length': [400, lines(POST, HOST, 'Content-Length: 5\t')],
  'a negative length': [400, lines(POST, HOST, 'Content-Length: -1')],
  'a length with a plus': [400, lines(POST, HOST, 'Content-Length: +5')],
  'a hexadecimal length': [400, lines(POST, HOST, 'Content-Length: 0x5')],
  'a length beyond any file': [400, lines(POST, HOST, 'Content-Length: 99999999999999999999')],
  'an empty length': [400, lines(POST, HOST, 'Content-Length:')],
  'two transfer codings fields': [
    400,
    lines(POST, HOST, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
  ],
  'chunked twice': [400, te('chunked, chunked')],
  'chunked not last': [400, te('chunked, gzip')],
  'an unknown coding': [400, te('xchunked')],
  identity: [400, te('identity')],
  'gzip before chunked': [501, te('gzip, chunked')],
  'a coding in HTTP/1.0': [400, lines('POST / HTTP/1.0', HOST, 'Transfer-Encoding: chunked')],
  'a tab hidden in the coding': [400, te('\x0bchunked')],
  'a blank before the colon': [400, lines(POST, HOST, 'Content-Length : 5')],
  'a blank before the coding colon': [400, lines(POST, HOST, 'Transfer-Encoding : chunked')],
  'a folded line': [400, lines(POST, HOST, 'X-A: b', ' c')],
  'a folded coding': [400, lines(POST, HOST, 'Transfer-Encoding:', ' chunked')],
  'a line starting with a tab': [400, lines(POST, '\tHost: shop')],
  'a field without colon': [400, lines(GET, HOST, 'X-A')],
  'a field without name': [400, lines(GET, HOST, ': a')],
  'a bare LF after the request line': [400, `${GET}\nHost: shop\r\n\r\n`],
  'a bare LF after a field': [400, `${GET}\r\nHost: shop\nX: y\r\n\r\n`],
  'a bare LF as the end': [400, `${GET}\r\nHost: shop\r\n\n`],
  'a bare CR in a value': [400, `${GET}\r\nHost: shop\r\nX: a\rb\r\n\r\n`],
  'a NUL in a value': [400, lines(GET, HOST, 'X: a\0b')],
  'a DEL in a value': [400, lines(GET, HOST, 'X: a\x7fb')],
  'a NUL in a name': [400, lines(GET, HOST, 'X\0: a')],
  'no Host': [400, lines(GET)],
  'two Hosts': [400, lines(GET, HOST, 'Host: other')],
  'an empty Host': [400, lines(GET, 'Host:')],
  'a list as Host': [400, lines(GET, 'Host: a, b')],
  'a path in Host': [400, lines(GET, 'Host: a/b')],
  'user data in Host': [400, lines(GET, 'Host: a@b')],
  'an unknown method character': [400, lines('GE(T / HTTP/1.1', HOST)],
  'two blanks in the request line': [400, lines('GET  / HTTP/1.1', HOST)],
  'a blank in the target': [400, lines('GET /a b HTTP/1.1', HOST)],
  'a fragment in the target': [400, lines('GET /a#b HTTP/1.1', HOST)],
  'a byte above ASCII in the target': [400, lines('GET /\xe9 HTTP/1.1', HOST)],
  'a relative target': [400, lines('GET a HTTP/1.1', HOST)],
  'a blank after the version': [400, lines('GET / HTTP/1.1 ', HOST)],
  'no version': [400, 'GET /\r\n\r\n'],
  'a version in lower case': [400, lines('GET / http/1.1', HOST)],
  'HTTP/2 in text': [505, lines('GET / HTTP/2.0', HOST)],
  'HTTP/1.2': [505, lines('GET / HTTP/1.2', HOST)],
  'CONNECT without port': [400, lines('CONNECT shop HTTP/1.1', HOST)],
  'CONNECT with a length': [400, lines('CONNECT shop:1 HTTP/1.1', HOST, 'Content-Length: 1')],
  'an unknown expectation': [417, lines(GET, HOST, 'Expect: wonders')],
  'two empty lines in front': [400, `\r\n\r\n${lines(GET, HOST)}`],
  'a TLS hello': [400, '\x16\x03\x01\x02\x00\x01\x00\x01'],
  'more than 100 fields': [431, lines(GET, HOST, ...Array.from({ length: 100 }, () => 'A: b'))],
  'a field of 60 KiB': [431, lines(GET, HOST, `X: ${'a'.repeat(60 * 1024)}`)],
  'a chunk without size': [400, `${chunked}\r\nx\r\n0\r\n\r\n`],
  'a negative chunk size': [400, `${chunked}-1\r\nx\r\n0\r\n\r\n`],
  'a chunk size with 0x': [400, `${chunked}0x1\r\nx\r\n0\r\n\r\n`],
  'a chunk size of 17 digits': [400, `${chunked}00000000000000001\r\nx\r\n0\r\n\r\n`],
  'a bare LF after a chunk size': [400, `${chunked}1\nx\r\n0\r\n\r\n`],
  'a bare CR after a chunk size': [400, `${chunked}1\rx\r\n0\r\n\r\n`],
  'a bare LF in a chunk extension': [400, `${chunked}1;a\nb\r\nx\r\n0\r\n\r\n`],
  'a chunk longer than its size': [400, `${chunked}1\r\nxy\r\n0\r\n\r\n`],
  'a chunk ended by a bare LF': [400, `${chunked}1\r\nx\n0\r\n\r\n`],
  'endless chunk extensions': [400, `${chunked}1;${'a'.repeat(2000)}\r\nx\r\n0\r\n\r\n`],
  'a length among the trailers': [400, `${chunked}0\r\nContent-Length: 5\r\n\r\n`],
  'a coding among the trailers': [400, `${chunked}0\r\nTransfer-Encoding: chunked\r\n\r\n`],
  'a bare LF among the trailers': [400, `${chunked}0\r\nA: b\n\r\n\r\n`],
}

for (const [what, [status, text]] of Object.entries(refused)) {
  test(`a request with ${what} is refused with ${status}`, () => {
    assert.equal(statusOf(text), status)
    // The same arriving byte by byte: never accepted, at worst unfinished until its time is up.
    const pieces = [...Buffer.from(text, 'latin1')].map((byte) => Buffer.from([byte]))
    let read: unknown
    assert.throws(() => {
      read = readMessage(pieces)
      if (read === undefined) throw new Error('unfinished')
    })
  })
}

test('a response is framed by its status and the method it answers before its fields', () => {
  const head = lines('HTTP/1.1 200 OK', 'Content-Length: 5')
  const read = (text: string, method = 'GET') => readMessage([Buffer.from(text)], method)
  assert.equal(read(`${head}hello`)?.body, 'hello')
  assert.equal(read(`${head}next`, 'HEAD')?.rest, 'next')
  assert.equal(read(`${lines('HTTP/1.1 204 No Content')}next`)?.rest, 'next')
  assert.equal(read(`${lines('HTTP/1.1 304 -', 'Content-Length: 5')}next`)?.rest, 'next')
  assert.equal(read(`${lines('HTTP/1.1 200 OK')}till the end`)?.body, 'till the end')
  assert.equal(read('HTTP/1.1 200\r\n\r\nno reason')?.body, 'no reason')
  assert.equal(statusOf(lines('HTTP/1.1 20 OK'), 'GET'), 400)
  assert.equal(statusOf(lines('HTTP/1.1 2000 OK'), 'GET'), 400)
  assert.equal(statusOf(lines('HTTP/1.1 200 OK', 'A : b'), 'GET'), 400)
  assert.equal(
    statusOf(lines('HTTP/1.1 200 OK', 'Content-Length: 1', 'Transfer-Encoding: chunked'), 'GET'),
    400,
  )
})

test('dot segments and backslashes in a path are resolved, the query is left alone', () => {
  const target = (text: string) =>
    readMessage([Buffer.from(lines(`GET ${text} HTTP/1.1`, HOST))])?.head.target
  assert.equal(target('/a/./b/../c?x=/../y'), '/a/c?x=/../y')
  assert.equal(target('/../../etc'), '/etc')
  assert.equal(target('/a\\..\\b'), '/b')
  assert.equal(target('/a/%2E%2e/b'), '/b')
  assert.equal(target('/a/..'), '/')
  assert.equal(target('/.well-known/x'), '/.well-known/x')
  assert.equal(target('http://other?x'), '/?x')
})

const word = fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/)
const value = fc.stringMatching(/^[ -~\t\x80-\xff]{0,30}$/)
const bodyBytes = fc.string({ maxLength: 60, unit: 'binary-ascii' })
const message = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'X-ODD'),
    path: fc.stringMatching(/^\/[a-z0-9?=&%]{0,20}$/),
    fields: fc.array(fc.tuple(word, value), { maxLength: 6 }),
    body: fc.oneof(
      fc.constant(undefined),
      bodyBytes.map((text) => ({ text, chunks: undefined })),
      fc
        .array(bodyBytes, { maxLength: 5 })
        .map((parts) => parts.filter((part) => part !== ''))
        .map((chunks) => ({ text: chunks.join(''), chunks })),
    ),
    trailers: fc.array(fc.tuple(word, value), { maxLength: 3 }),
    next: fc.constantFrom('', 'GET /next HTTP/1.1\r\n'),
  })
  .map(({ method, path, fields, body, trailers, next }) => {
    const known = /^(host|content-length|transfer-encoding|connection|expect|te|upgrade)$/i
    const plain = (all: [string, string][]) =>
      all.filter(([name]) => !known.test(name)).map(([name, text]) => `${name}: ${text}`)
    const head = [`${method} ${path} HTTP/1.1`, 'Host: shop', ...plain(fields)]
    if (body === undefined) return { text: lines(...head) + next, body: '', next }
    if (body.chunks === undefined) {
      const text = lines(...head, `content-length: ${body.text.length}`) + body.text + next
      return { text, body: body.text, next }
    }
    const chunks = body.chunks.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
    const end = ['0', ...plain(trailers)].join('\r\n')
    const text = `${lines(...head, 'transfer-encoding: chunked')}${chunks.join('')}${end}\r\n\r\n`
    return { text: text + next, body: body.text, next }
  })

test('a message reads the same however it is split', () => {
  fc.assert(
    fc.property(message, fc.array(fc.nat(400), { maxLength: 12 }), ({ text, body, next }, cuts) => {
      const bytes = Buffer.from(text, 'latin1')
      const whole = readMessage([bytes])
      assert.ok(whole)
      assert.equal(whole.body, body)
      assert.equal(whole.rest, next)
      const places = [...new Set([0, ...cuts, bytes.length])]
        .filter((place) => place <= bytes.length)
        .sort((a, b) => a - b)
      const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
      assert.deepEqual(readMessage(pieces), whole)
    }),
    { numRuns: 500 },
  )
})

test('a message reads the same byte by byte', () => {
  fc.assert(
    fc.property(message, ({ text }) => {
      const bytes = Buffer.from(text, 'latin1')
      const single = [...bytes].map((byte) => Buffer.from([byte]))
      assert.deepEqual(readMessage(single), readMessage([bytes]))
    }),
    { numRuns: 200 },
  )
})

test('mutated messages never make the parser fail otherwise than by refusing', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.nat(255), ({ text }, place, byte) => {
      const bytes = Buffer.from(text, 'latin1')
      bytes[place % bytes.length] = byte
      const answer = statusOf(bytes.toString('latin1'))
      assert.ok(typeof answer === 'string' || answer >= 400)
    }),
    { numRuns: 2000 },
  )
})
