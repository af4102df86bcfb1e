/** Name and value; a name is lower case. */
export type Field = readonly [name: string, value: string]

/** Entries of the static table (RFC 7541 appendix A) for the names tunnels use. */
const NAME_INDEX: Readonly<Record<string, number>> = { ':authority': 1, ':method': 2, ':status': 8 }
const STATUS_200 = 0x88
/** Longest form of an integer below 2^28. */
const INTEGER_BYTES = 5

/**
 * HPACK without its table and its Huffman code: literals that nobody indexes (RFC 7541 section 6.2.2).
 * Any decoder takes them, nothing depends on what was sent before, and encoding is a copy.
 */
export function encodeFields(fields: readonly Field[]): Buffer {
  let space = 0
  for (const [name, value] of fields) space += 1 + 2 * INTEGER_BYTES + name.length + value.length
  const bytes = Buffer.allocUnsafe(space)
  let at = 0
  for (const [name, value] of fields) {
    if (name === ':status' && value === '200') {
      bytes[at] = STATUS_200
      at += 1
      continue
    }
    const index = NAME_INDEX[name] ?? 0
    bytes[at] = index
    at = index === 0 ? writeText(bytes, at + 1, name) : at + 1
    at = writeText(bytes, at, value)
  }
  return bytes.subarray(0, at)
}

function writeText(bytes: Buffer, start: number, text: string): number {
  let at = start
  let rest = text.length
  if (rest < 127) bytes[at++] = rest
  else {
    bytes[at++] = 127
    for (rest -= 127; rest >= 128; rest >>>= 7) bytes[at++] = (rest & 127) | 128
    bytes[at++] = rest
  }
  return at + bytes.write(text, at, 'latin1')
}
