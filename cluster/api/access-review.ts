import type { JsonObject } from './json.ts'

const ALL = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }
const PATH = /^\/apis\/authorization\.k8s\.io\/v1\/selfsubject(access|rules)reviews$/

/** Whoever has the token may do everything, and is told so. */
export function accessReview(pathname: string): ((review: JsonObject) => JsonObject) | undefined {
  const match = PATH.exec(pathname)
  if (match === null) return undefined
  const status =
    match[1] === 'access'
      ? { allowed: true, reason: 'the token of the embedded cluster may do everything' }
      : {
          resourceRules: [ALL],
          nonResourceRules: [{ nonResourceURLs: ['*'], verbs: ['*'] }],
          incomplete: false,
        }
  return (review) => ({ metadata: {}, ...review, status })
}
