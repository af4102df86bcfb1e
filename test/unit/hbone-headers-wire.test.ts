import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ConnectionError } from '../../proxies/hbone/wire/frames.ts'
import { readHead } from '../../proxies/hbone/wire/head.ts'
import { HeaderDecoder } from '../../proxies/hbone/wire/header-decoder.ts'
import { encodeFields, type Field } from '../../proxies/hbone/wire/header-encoder.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const decoder = (maxListBytes = 65_536): HeaderDecoder => new HeaderDecoder(maxListBytes)

describe('header compression', () => {
  // RFC 7541 appendix C.4: the same table over three requests, texts in Huffman code.
  const exchange: readonly (readonly [string, readonly Field[]])[] = [
    [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'www.example.com'],
      ],
    ],
    [
      '8286 84be 5886 a8eb 1064 9cbf',
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'www.example.com'],
        ['cache-control', 'no-cache'],
      ],
    ],
    [
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      [
        [':method', 'GET'],
        [':scheme', 'https'],
        [':path', '/index.html'],
        [':authority', 'www.example.com'],
        ['custom-key', 'custom-value'],
      ],
    ],
  ]
  test("reads the RFC's own example, table and Huffman code included", () => {
    const reader = decoder()
    for (const [block, fields] of exchange) {
      assert.deepEqual(reader.decode(hex(block)), { fields, tooLong: false })
    }
  })

  test('reads back whatever it writes', () => {
    const text = fc.string({
      unit: fc.integer({ min: 32, max: 255 }).map((n) => String.fromCharCode(n)),
      maxLength: 400,
    })
    const name = fc.constantFrom(':method', ':authority', ':status', 'baggage', 'x'.repeat(300))
    fc.assert(
      fc.property(fc.array(fc.tuple(name, text)), (fields) => {
        assert.deepEqual(decoder(2 ** 20).decode(Buffer.from(encodeFields(fields))).fields, fields)
      }),
    )
  })

  const corrupt: readonly (readonly [string, string])[] = [
    ['index 0', '80'],
    ['an index beyond the tables', 'be'],
    ['an integer without an end', 'ffffffffffffffff'],
    ['a text longer than its block', '000a61'],
    ['a table larger than announced', '3fe21f'],
    ['a table size behind a field', '8220'],
    ['Huffman padding of more than seven bits', '0001618 1ff'],
    ['Huffman padding with zeros', '00016181 00'],
    ['the end-of-string code', '00016184 ffffffff'],
  ]
  for (const [what, block] of corrupt) {
    test(`${what} is no HPACK`, () => {
      assert.throws(
        () => decoder().decode(hex(block)),
        (error) => {
          assert.ok(error instanceof ConnectionError)
          assert.equal(error.code, 9)
          return true
        },
      )
    })
  }

  test('a table entry pushed out by later ones is gone', () => {
    const reader = decoder()
    const indexed = (value: string): Buffer =>
      Buffer.concat([hex('400161 7f'), integer(value.length), Buffer.from(value)])
    reader.decode(indexed('first'.padEnd(2_000, '.')))
    reader.decode(indexed('second'.padEnd(2_000, '.')))
    assert.match(reader.decode(hex('bf')).fields[0]?.[1] ?? '', /^first/)
    reader.decode(indexed('third'.padEnd(2_000, '.')))
    assert.match(reader.decode(hex('bf')).fields[0]?.[1] ?? '', /^second/)
    assert.throws(() => reader.decode(hex('c0')), ConnectionError)
  })

  test('a small block that stands for a huge list stops at the limit and says so', () => {
    const reader = decoder(16_384)
    const value = 'v'.repeat(3_000)
    reader.decode(Buffer.concat([hex('4001617f'), integer(value.length), Buffer.from(value)]))
    const { fields, tooLong } = reader.decode(Buffer.alloc(10_000, 0xbe))
    assert.equal(tooLong, true)
    assert.ok(fields.length <= 5, `${fields.length} fields`)
  })
})

describe('the head of a CONNECT', () => {
  const head = (...fields: Field[]) => readHead({ fields, tooLong: false, endStream: false })
  const connect: readonly Field[] = [
    [':method', 'CONNECT'],
    [':authority', '10.0.0.1:80'],
  ]
  test('is its fields by name', () => {
    const read = head(...connect, ['baggage', 'a=1'], ['baggage', 'b=2'])
    assert.deepEqual(read, new Map([...connect, ['baggage', 'a=1,b=2']]))
  })
  const malformed: readonly (readonly [string, readonly Field[]])[] = [
    ['a path', [...connect, [':path', '/']]],
    ['a scheme', [...connect, [':scheme', 'https']]],
    ['two methods', [...connect, [':method', 'GET']]],
    [
      'a pseudo field behind others',
      [
        [':method', 'CONNECT'],
        ['a', ''],
        [':authority', 'b:1'],
      ],
    ],
    ['an unknown pseudo field', [...connect, [':status', '200']]],
    ['an upper case name', [...connect, ['Baggage', 'a=1']]],
    ['a line break', [...connect, ['baggage', 'a\r\nb']]],
    ['a field of HTTP/1', [...connect, ['transfer-encoding', 'chunked']]],
    ['no method', [[':authority', 'b:1']]],
  ]
  for (const [what, fields] of malformed) {
    test(`with ${what} is malformed`, () => assert.equal(typeof head(...fields), 'string'))
  }
})

/** What follows a prefix of seven ones. */
function integer(value: number): Buffer {
  const rest = value - 127
  return Buffer.from([(rest & 127) | 128, rest >> 7])
}
