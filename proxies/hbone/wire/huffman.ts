/**
 * The code of RFC 7541 appendix B, for decoding only: literals are sent as they are. It is canonical, so
 * the lengths say all: codes of one length follow each other by symbol, shorter ones come first.
 * Written as `length`, or `length*count`, for the symbols 0 to 256.
 */
const LENGTHS = `13 23 28*7 24 30 28*2 30 28*8 30 28*9
6 10*2 12 13 6 8 11 10*2 8 11 8 6*3 5*3 6*7 7 8 15 6 12 10
13 6 7*22 8 7 8 13 19 13 14 6
15 5 6 5 6 5 6*3 5 7*2 6*3 5 6 7 6 5*2 6 7*5 15 11 14 13 28
20 22 20*2 22*3 23 22 23*5 24 23 24*2 22 23 24 23*4
21 22 23 22 23*2 24 22 21 20 22*2 23*2 21 23 22*2 24
21 22 23*2 21*2 22 21 23 22 23*2 20 22*3 23 22*2 23
26*2 20 19 22 23 22 25 26*3 27*2 26 24 25 19 21 26 27*2 26 27 24 21*2 26*2 28 27*3 20 24 20 21 22 21*2 23 22*2
25*2 24*2 26 23 26 27 26*2 27*5 28 27*5 26 30`

const END_OF_STRING = 256
const LONGEST_BITS = 30

interface Code {
  /** Symbols by length, then by number. */
  readonly symbols: readonly number[]
  /** Per length: the first code, where its symbols start, and how many there are. */
  readonly first: readonly number[]
  readonly offset: readonly number[]
  readonly count: readonly number[]
}

let built: Code | undefined

/** undefined: not a sequence of this code, or padded with anything but the beginning of EOS. */
export function decodeHuffman(bytes: Buffer): string | undefined {
  built ??= build()
  const { symbols, first, offset, count } = built
  const text: number[] = []
  let code = 0
  let bits = 0
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      code = (code << 1) | ((byte >>> bit) & 1)
      bits += 1
      const index = code - (first[bits] ?? 0)
      if (index >= 0 && index < (count[bits] ?? 0)) {
        const symbol = symbols[(offset[bits] ?? 0) + index] ?? END_OF_STRING
        if (symbol === END_OF_STRING) return undefined
        text.push(symbol)
        code = 0
        bits = 0
      } else if (bits >= LONGEST_BITS) return undefined
    }
  }
  if (bits > 7 || code !== 2 ** bits - 1) return undefined
  return Buffer.from(text).toString('latin1')
}

function build(): Code {
  const lengths = LENGTHS.split(/\s+/).flatMap((part) => {
    const [length, times = '1'] = part.split('*')
    return Array.from({ length: Number(times) }, () => Number(length))
  })
  const symbols: number[] = []
  const first: number[] = [0]
  const offset: number[] = [0]
  const count: number[] = [0]
  let code = 0
  for (let bits = 1; bits <= LONGEST_BITS; bits += 1) {
    code <<= 1
    first.push(code)
    offset.push(symbols.length)
    lengths.forEach((length, symbol) => {
      if (length === bits) symbols.push(symbol)
    })
    count.push(symbols.length - (offset[bits] ?? 0))
    code += count[bits] ?? 0
  }
  return { symbols, first, offset, count }
}
