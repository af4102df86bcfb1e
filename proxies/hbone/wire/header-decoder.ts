import { CODE, ConnectionError } from './frames.ts'
import { decodeHuffman } from './huffman.ts'

/** RFC 7541 appendix A, from index 1. */
const STATIC: readonly (readonly [string, string])[] = `:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`
  .split('\n')
  .map((line) => {
    const space = line.indexOf(' ')
    return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)]
  })

/** What a peer's encoder may use: the default, since our SETTINGS do not change it. */
const TABLE_BYTES = 4_096
/** RFC 7541 section 4.1: what an entry counts beyond its text. */
const ENTRY_BYTES = 32

export interface Decoded {
  readonly fields: readonly (readonly [string, string])[]
  /** The list is longer than allowed; `fields` stops where it became so. */
  readonly tooLong: boolean
}

/** HPACK, receiving side. A block that is no HPACK ends the connection: its table is lost. */
export class HeaderDecoder {
  readonly #maxListBytes: number
  /** Newest last. */
  #table: (readonly [string, string])[] = []
  #tableBytes = 0
  #limitBytes = TABLE_BYTES
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes
  }

  decode(block: Buffer): Decoded {
    this.#bytes = block
    this.#at = 0
    const fields: (readonly [string, string])[] = []
    let listBytes = 0
    let started = false
    while (this.#at < block.length) {
      const byte = block[this.#at] ?? 0
      if ((byte & 0xe0) === 0x20) {
        if (started) throw corrupt('a table size amid fields')
        this.#resize(this.#integer(5))
        continue
      }
      started = true
      const field = this.#field(byte)
      listBytes += field[0].length + field[1].length + ENTRY_BYTES
      if (listBytes <= this.#maxListBytes) fields.push(field)
    }
    this.#bytes = EMPTY
    return { fields, tooLong: listBytes > this.#maxListBytes }
  }

  #field(byte: number): readonly [string, string] {
    if (byte & 0x80) return this.#entry(this.#integer(7))
    const indexed = (byte & 0x40) !== 0
    const index = this.#integer(indexed ? 6 : 4)
    const name = index === 0 ? this.#text() : this.#entry(index)[0]
    const field = [name, this.#text()] as const
    if (indexed) this.#insert(field)
    return field
  }

  #entry(index: number): readonly [string, string] {
    const entry =
      index <= STATIC.length
        ? STATIC[index - 1]
        : this.#table[this.#table.length - (index - STATIC.length)]
    if (!entry) throw corrupt(`no table entry ${index}`)
    return entry
  }

  #insert(field: readonly [string, string]): void {
    this.#table.push(field)
    this.#tableBytes += sizeOf(field)
    this.#evict()
  }

  #resize(bytes: number): void {
    if (bytes > TABLE_BYTES) throw corrupt('a table larger than allowed')
    this.#limitBytes = bytes
    this.#evict()
  }

  #evict(): void {
    let gone = 0
    for (; this.#tableBytes > this.#limitBytes; gone += 1) {
      const oldest = this.#table[gone]
      if (!oldest) break
      this.#tableBytes -= sizeOf(oldest)
    }
    if (gone > 0) this.#table.splice(0, gone)
  }

  /** RFC 7541 section 5.1. */
  #integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1
    let value = this.#byte() & mask
    if (value < mask) return value
    for (let shift = 0; ; shift += 7) {
      if (shift > 21) throw corrupt('an integer too large')
      const byte = this.#byte()
      value += (byte & 127) << shift
      if (byte < 128) return value
    }
  }

  #text(): string {
    const huffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0
    const length = this.#integer(7)
    const start = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) throw corrupt('a text longer than its block')
    if (!huffman) return this.#bytes.toString('latin1', start, this.#at)
    const text = decodeHuffman(this.#bytes.subarray(start, this.#at))
    if (text === undefined) throw corrupt('a broken Huffman code')
    return text
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw corrupt('a block that ends amid a field')
    this.#at += 1
    return byte
  }
}

const EMPTY = Buffer.alloc(0)

function sizeOf([name, value]: readonly [string, string]): number {
  return name.length + value.length + ENTRY_BYTES
}

function corrupt(message: string): ConnectionError {
  return new ConnectionError(CODE.compression, `HPACK: ${message}`)
}
