import type { HeaderChange } from '../config/l7.ts'
import { NOMINATED } from './field-names.ts'
import { type Head, type RequestHead, SPAN } from './head.ts'

export interface Edited<T extends Head> {
  readonly head: T
  /** Whole lines to add. */
  readonly lines: string
}

/**
 * Applies header changes one after the other without touching the original: fields that go are marked
 * as ones that are never forwarded, the others travel as they came.
 */
export function editHead<T extends Head>(head: T, changes: readonly HeaderChange[]): Edited<T> {
  const gone = new Set<string>()
  let added: (readonly [string, string])[] = []
  for (const { set = [], add = [], remove = [] } of changes) {
    const replaced = [...remove, ...set.map(([name]) => name)].map((name) => name.toLowerCase())
    for (const name of replaced) gone.add(name)
    added = added.filter(([name]) => !replaced.includes(name.toLowerCase()))
    added.push(...set, ...add)
  }
  const lines = added.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  if (gone.size === 0) return { head, lines }
  const spans = [...head.spans]
  for (let i = 0; i < spans.length; i += SPAN) {
    if (gone.has(head.text.slice(spans[i + 1], spans[i + 2]).toLowerCase())) spans[i] = NOMINATED
  }
  return { head: { ...head, spans }, lines }
}

export function retarget(head: RequestHead, target: string, host: string): RequestHead {
  if (target === head.target && host === head.host) return head
  return { ...head, target, host, rewritten: true }
}
