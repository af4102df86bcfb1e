import { isObject, members } from '../api/json.ts'
import { KINDS } from '../api/kinds.ts'
import type { KindRef } from '../api/store.ts'
import { statusError } from '../errors.ts'
import type { Transport } from './transport.ts'

/** Answered, not stored: so it is none of the kinds that a store has. */
const ACCESS_REVIEW = {
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  namespaced: false,
}

interface Resource {
  readonly plural: string
  readonly namespaced: boolean
}

export interface ResourcePaths {
  /** `/apis/apps/v1/namespaces/shop/deployments/web`; of the collection without a name. */
  pathOf(kind: KindRef, namespace?: string, name?: string): Promise<string>
}

/** Kinds we know need no discovery; for any other the server is asked once. */
export function resourcePaths(transport: Transport): ResourcePaths {
  const known = new Map<string, Resource>(
    [...KINDS, ACCESS_REVIEW].map((row) => [`${row.apiVersion}/${row.kind}`, row]),
  )
  const asked = new Map<string, Promise<void>>()

  async function discover(apiVersion: string): Promise<void> {
    const text = await transport.text({ method: 'GET', path: rootOf(apiVersion) })
    const answer: unknown = JSON.parse(text)
    for (const row of members(isObject(answer) ? answer.resources : undefined)) {
      const name = String(row.name)
      if (name.includes('/')) continue
      const resource = { plural: name, namespaced: row.namespaced === true }
      known.set(`${apiVersion}/${row.kind}`, resource)
    }
  }

  async function resourceOf({ apiVersion, kind }: KindRef): Promise<Resource> {
    const key = `${apiVersion}/${kind}`
    const resource = known.get(key)
    if (resource !== undefined) return resource
    const answer = asked.get(apiVersion) ?? discover(apiVersion)
    asked.set(apiVersion, answer)
    // A definition may be installed later, so a miss is not remembered.
    await answer.finally(() => asked.delete(apiVersion))
    const found = known.get(key)
    if (found !== undefined) return found
    throw statusError('NotFound', `no matches for kind "${kind}" in version "${apiVersion}"`)
  }

  return {
    pathOf: async (kind, namespace, name) => {
      const { plural, namespaced } = await resourceOf(kind)
      const home = namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ''
      const tail = name === undefined ? '' : `/${encodeURIComponent(name)}`
      return `${rootOf(kind.apiVersion)}${home}/${plural}${tail}`
    },
  }
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
}
