import { isObject, type JsonObject, part } from './json.ts'
import { containersOf } from './pod-defaults.ts'

const COMPUTE = ['cpu', 'memory']

/** A limit alone is a request as well. */
export function requestsFromLimits(container: JsonObject): void {
  const resources = part(container, 'resources')
  if (!isObject(resources.limits)) return
  const requests = part(resources, 'requests')
  for (const [name, amount] of Object.entries(resources.limits)) requests[name] ??= amount
}

/** `status.qosClass` of a pod with these containers, requests filled in. */
export function qosClass(spec: JsonObject): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const resources = containersOf(spec).map(({ resources }) =>
    isObject(resources) ? resources : {},
  )
  const given = resources.flatMap(({ limits, requests }) =>
    [limits, requests].flatMap((list) =>
      isObject(list) ? COMPUTE.filter((name) => isSome(list[name])) : [],
    ),
  )
  if (given.length === 0) return 'BestEffort'
  const fixed = resources.every(
    ({ limits, requests }) =>
      isObject(limits) &&
      isObject(requests) &&
      COMPUTE.every(
        (name) => isSome(limits[name]) && String(limits[name]) === String(requests[name]),
      ),
  )
  return fixed ? 'Guaranteed' : 'Burstable'
}

function isSome(amount: unknown): boolean {
  return amount !== undefined && amount !== null && !/^0+(\.0*)?[a-zA-Z]*$/.test(String(amount))
}
