import type { Caller, Snapshot } from '../inventory/snapshot.ts'
import { NotReadable } from '../inventory/snapshot.ts'

/**
 * Callers before those they call, since sidecar clients skip waypoints; namespaces that call one another
 * share a wave. One wave for all when nobody knows who calls whom.
 */
export function wavesOf(
  snapshot: Snapshot,
  namespaces: readonly string[],
): readonly (readonly string[])[] {
  if (namespaces.length < 2) return [namespaces]
  const callers = callersByNamespace(snapshot, namespaces)
  if (callers === undefined) return [[...namespaces].sort()]
  const reaches = closure(namespaces, callers)
  const left = new Set([...namespaces].sort())
  const waves: string[][] = []
  while (left.size > 0) {
    // Whoever is called only by those gone before, or by those it calls itself.
    const wave = [...left].filter((one) =>
      [...left].every((other) => !reaches(other, one) || reaches(one, other)),
    )
    for (const one of wave) left.delete(one)
    waves.push(wave)
  }
  return waves
}

function callersByNamespace(
  snapshot: Snapshot,
  namespaces: readonly string[],
): ReadonlyMap<string, ReadonlySet<string>> | undefined {
  try {
    return new Map(
      namespaces.map((namespace) => [
        namespace,
        new Set(
          snapshot.probes
            .callers(namespace)
            .map((caller: Caller) => caller.namespace)
            .filter((caller) => caller !== namespace && namespaces.includes(caller)),
        ),
      ]),
    )
  } catch (error) {
    if (error instanceof NotReadable) return undefined
    throw error
  }
}

/** Whether one namespace calls another, directly or through others. */
function closure(
  namespaces: readonly string[],
  callers: ReadonlyMap<string, ReadonlySet<string>>,
): (from: string, to: string) => boolean {
  const reachedBy = new Map(
    namespaces.map((to) => {
      const seen = new Set<string>()
      const queue = [...(callers.get(to) ?? [])]
      for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
        if (seen.has(one)) continue
        seen.add(one)
        queue.push(...(callers.get(one) ?? []))
      }
      return [to, seen] as const
    }),
  )
  return (from, to) => reachedBy.get(to)?.has(from) ?? false
}
