import type { HeaderBlock } from './connection.ts'

/** Fields that HTTP/2 has no use for (RFC 9113 section 8.2.2). */
const FORBIDDEN = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])
const REQUEST_PSEUDO = new Set([':method', ':authority', ':scheme', ':path'])
// A token in lower case; a value without control characters (RFC 9113 section 8.2.1).
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not occur
const VALUE = /^[^\x00-\x08\x0a-\x1f\x7f]*$/

/** A well-formed request head by name, or what is wrong with it. Fields that repeat are joined. */
export function readHead({ fields, tooLong }: HeaderBlock): ReadonlyMap<string, string> | string {
  if (tooLong) return 'a header list too long'
  const head = new Map<string, string>()
  let regular = false
  for (const [name, value] of fields) {
    const pseudo = name.startsWith(':')
    if (!NAME.test(name) || !VALUE.test(value) || FORBIDDEN.has(name)) {
      return `a malformed field ${JSON.stringify(name)}`
    }
    const known = head.get(name)
    if (pseudo && (regular || known !== undefined || !REQUEST_PSEUDO.has(name))) {
      return `a misplaced field ${name}`
    }
    regular ||= !pseudo
    head.set(name, known === undefined ? value : `${known},${value}`)
  }
  const connect = head.get(':method') === 'CONNECT'
  const complete = connect
    ? !head.has(':scheme') && !head.has(':path')
    : head.has(':method') && head.has(':scheme') && head.has(':path')
  return complete ? head : 'an incomplete or contradictory request'
}
