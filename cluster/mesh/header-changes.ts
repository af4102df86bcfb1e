import type { HeaderChange } from '../../proxies/config/l7.ts'
import type { HttpHeaderFilter } from './istio-objects.ts'

/** Fields that frame messages or end at the next hop: no configuration may touch them. */
const RESERVED = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** What of a header filter can be done without breaking messages. */
export function headerChange(filter: HttpHeaderFilter): HeaderChange {
  const pairs = (list: HttpHeaderFilter['set'] = []): (readonly [string, string])[] =>
    list.flatMap(({ name, value }) => (isAllowed(name) ? [[name, printable(value)] as const] : []))
  return {
    set: pairs(filter.set),
    add: pairs(filter.add),
    remove: (filter.remove ?? []).filter(isAllowed),
  }
}

function isAllowed(name: string): boolean {
  return NAME.test(name) && !RESERVED.has(name.toLowerCase())
}

/** A line break would start a field of its own. */
function printable(value: string): string {
  return [...value].filter((character) => character >= ' ' && character !== '\u007f').join('')
}
