import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml'
import { nearest } from '../nearest.ts'
import type { Problems } from './problems.ts'

/** One entry of a YAML map, with its key for messages about it. */
export interface Field {
  readonly key: Node
  readonly value: Node | null
}

/** The entries of a map by name; a fault and none when it is something else. */
export function fieldsOf(node: Node | null, what: string, problems: Problems): Map<string, Field> {
  if (!isMap(node)) {
    problems.fault(node, `${what} must be a map of fields, not ${describe(node)}`)
    return new Map()
  }
  return new Map(
    (node as YAMLMap<Node, Node | null>).items.map(({ key, value }) => [
      isScalar(key) ? String(key.value) : '',
      { key, value },
    ]),
  )
}

/** The items of a list; a fault and none when it is something else, none when it is absent. */
export function itemsOf(node: Node | null | undefined, what: string, problems: Problems): Node[] {
  if (node === undefined || node === null || (isScalar(node) && node.value === null)) return []
  if (isSeq(node)) return node.items as Node[]
  problems.fault(node, `${what} must be a list, not ${describe(node)}`)
  return []
}

/** A name or other text; a fault and undefined otherwise. */
export function textOf(
  node: Node | null | undefined,
  what: string,
  problems: Problems,
): string | undefined {
  if (isScalar(node) && typeof node.value === 'string' && node.value !== '') return node.value
  problems.fault(node, `${what} must be a text, not ${describe(node ?? null)}`)
  return undefined
}

/** Number or text as the file says it, for values that may be either. */
export function scalarOf(node: Node | null | undefined): unknown {
  return isScalar(node) ? node.value : undefined
}

export function describe(node: Node | null): string {
  if (isMap(node)) return 'a map'
  if (isSeq(node)) return 'a list'
  const value = isScalar(node) ? node.value : null
  return value === null ? 'nothing' : JSON.stringify(value)
}

/** Says of every field that is not known that it has no effect. */
export function warnUnknown(
  fields: ReadonlyMap<string, Field>,
  known: readonly string[],
  what: string,
  problems: Problems,
): void {
  for (const [name, { key }] of fields) {
    if (known.includes(name)) continue
    const meant = nearest(name, known)
    const hint = meant === undefined ? `known: ${known.join(', ')}` : `did you mean ${meant}?`
    problems.warn(key, `${what} has no field "${name}" (${hint}); ignored`)
  }
}
