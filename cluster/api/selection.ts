import type { Matches } from './feed.ts'
import { parseFieldSelector } from './field-selector.ts'
import type { KindDefinition } from './kind-table.ts'
import { parseLabelSelector } from './label-selector.ts'
import type { Selection } from './store.ts'

const FIELDS_OF_ALL_KINDS = ['metadata.name', 'metadata.namespace']

/** Throws BadRequest when a selector cannot be read. */
export function selectionMatcher(kind: KindDefinition, selection: Selection): Matches {
  const { namespace, labelSelector, fieldSelector } = selection
  const tests: Matches[] = []
  if (namespace) tests.push((object) => object.metadata.namespace === namespace)
  if (labelSelector) {
    const matches = parseLabelSelector(labelSelector)
    tests.push((object) => matches(object.metadata.labels))
  }
  if (fieldSelector) {
    const fields = [...FIELDS_OF_ALL_KINDS, ...(kind.fields ?? [])]
    tests.push(parseFieldSelector(fieldSelector, fields))
  }
  return (object) => tests.every((test) => test(object))
}
