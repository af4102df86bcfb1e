import { statusError } from '../errors.ts'
import type { Route } from './route.ts'
import type { Selection } from './store.ts'

/** A whole number of a query; undefined when absent, BadRequest when it is something else. */
export function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^\d+$/.test(text)) {
    throw statusError('BadRequest', `${name}: Invalid value: "${text}": must be a whole number`)
  }
  return Number(text)
}

export function isOn(query: URLSearchParams, name: string): boolean {
  const text = query.get(name)
  return text === '1' || text === 'true'
}

export function isDryRun(query: URLSearchParams): boolean {
  return query.getAll('dryRun').includes('All')
}

export function selectionOf(route: Route, query: URLSearchParams): Selection {
  const labelSelector = query.get('labelSelector')
  const fieldSelector = query.get('fieldSelector')
  return {
    ...(route.namespace && { namespace: route.namespace }),
    ...(labelSelector && { labelSelector }),
    ...(fieldSelector && { fieldSelector }),
  }
}
