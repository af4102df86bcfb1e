import type { Node } from 'yaml'
import type { Problems } from '../files/problems.ts'
import { nearest } from '../nearest.ts'
import type { FoundCall } from './script.ts'

/** Refuses calls to services that do not exist, and circles: a request in one never ends. */
export function checkCalls(
  calls: ReadonlyMap<string, readonly FoundCall[]>,
  problems: Problems,
): void {
  for (const found of calls.values()) {
    for (const { service, node } of found) {
      if (!calls.has(service)) {
        const meant = nearest(service, [...calls.keys()])
        const hint = meant === undefined ? '' : `; did you mean ${meant}?`
        problems.fault(node, `call to ${service}, which is no service of this graph${hint}`)
      }
    }
  }
  const done = new Set<string>()
  const visit = (name: string, trail: readonly string[], node?: Node): void => {
    const at = trail.indexOf(name)
    if (at >= 0) {
      const circle = [...trail.slice(at), name].join(' -> ')
      problems.fault(node, `${circle} is a cycle: a request in it never ends`)
      return
    }
    if (done.has(name)) return
    for (const call of calls.get(name) ?? []) visit(call.service, [...trail, name], call.node)
    done.add(name)
  }
  for (const name of calls.keys()) visit(name, [])
}
