import type { RouteMatch, RouteRule, ValueMatch } from '../config/l7.ts'

/** A request as routes see it. */
export interface RoutedRequest {
  readonly method: string
  readonly path: string
  /** Without its question mark. */
  readonly query: string
  readonly header: (name: string) => string | undefined
}

type Test = (request: RoutedRequest) => boolean

/** Rules in the order given, with their patterns compiled once. */
export class RouteTable {
  readonly #rules: readonly { readonly rule: RouteRule; readonly tests: readonly Test[] }[]

  constructor(rules: readonly RouteRule[]) {
    this.#rules = rules.map((rule) => ({ rule, tests: testsOf(rule.match) }))
  }

  find(request: RoutedRequest): RouteRule | undefined {
    return this.#rules.find(({ tests }) => tests.every((test) => test(request)))?.rule
  }
}

function testsOf({ path, method, headers = [], query = [] }: RouteMatch): readonly Test[] {
  const tests: Test[] = []
  if (path !== undefined) {
    const matches = 'segments' in path ? segmentTest(path.segments) : valueTest(path)
    tests.push((request) => matches(request.path))
  }
  if (method !== undefined) tests.push((request) => request.method === method)
  for (const { name, value } of headers) {
    const matches = valueTest(value)
    const lower = name.toLowerCase()
    tests.push(({ header }) => {
      const found = header(lower)
      return found !== undefined && matches(found)
    })
  }
  for (const { name, value } of query) {
    const matches = valueTest(value)
    tests.push((request) => {
      const found = new URLSearchParams(request.query).get(name)
      return found !== null && matches(found)
    })
  }
  return tests
}

/** `/a` and everything below it (https://gateway-api.sigs.k8s.io/reference/spec/#pathmatchtype). */
function segmentTest(prefix: string): (path: string) => boolean {
  const base = prefix.replace(/\/+$/, '')
  return (path) => path === base || path.startsWith(`${base}/`)
}

function valueTest(match: ValueMatch): (value: string) => boolean {
  if ('exact' in match) return (value) => value === match.exact
  if ('prefix' in match) return (value) => value.startsWith(match.prefix)
  if ('present' in match) return () => true
  // Envoy's patterns cover the whole value.
  const pattern = new RegExp(`^(?:${match.regex})$`)
  return (value) => pattern.test(value)
}

/** One of them with the odds of its weight; 0 is never chosen. */
export function weighted<T extends { readonly weight: number }>(
  choices: readonly T[],
  random: () => number = Math.random,
): T | undefined {
  const total = choices.reduce((sum, { weight }) => sum + weight, 0)
  let left = random() * total
  for (const choice of choices) {
    left -= choice.weight
    if (left < 0) return choice
  }
  return undefined
}
