import { type StatusCause, statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import type { NameRule } from './names.ts'
import type { KindRef } from './store.ts'

/** What the server has to know of a kind (kinds.ts lists them). */
export interface KindDefinition extends KindRef {
  readonly plural: string
  readonly singular: string
  readonly shortNames?: readonly string[]
  readonly namespaced: boolean
  /** Whether `update` leaves `status` alone and `/status` touches nothing else. */
  readonly statusSubresource?: boolean
  /** Defined by a CustomResourceDefinition in a real cluster, so without strategic merge patches. */
  readonly custom?: boolean
  /** Whether `/scale` reads and writes `spec.replicas`. */
  readonly scale?: boolean
  /** Whether a status sent along with a new object is kept. */
  readonly statusOnCreate?: boolean
  /** Whether a deletion is answered with the object that has gone rather than with a Status. */
  readonly returnsDeleted?: boolean
  /**
   * Whether `metadata.generation` counts its changes.
   * @default of those that have a spec
   */
  readonly counted?: boolean
  /** Turns members that are written but never read into those they stand for. */
  readonly translate?: (object: KubeObject) => void
  /** @default 'subdomain' */
  readonly nameRule?: NameRule
  /** Fields it can be selected by, besides metadata.name and metadata.namespace. */
  readonly fields?: readonly string[]
  readonly categories?: readonly string[]
  /** Fills in what Kubernetes would; `previous` is the stored object on an update. */
  readonly defaults?: (object: KubeObject, previous: KubeObject | undefined) => void
  /** What makes a new or changed object invalid, besides its metadata. */
  readonly problems?: (object: KubeObject) => StatusCause[]
  readonly updateProblems?: (object: KubeObject, previous: KubeObject) => StatusCause[]
  /** What clients may not change, though controllers do. */
  readonly clientProblems?: (object: KubeObject, previous: KubeObject) => StatusCause[]
}

/** Finds kinds by what an object says or by what a URL says. */
export interface KindTable {
  readonly all: readonly KindDefinition[]
  /** Throws NotFound for a kind this server does not have. */
  of(ref: KindRef): KindDefinition
  byPath(apiVersion: string, plural: string): KindDefinition | undefined
}

export function kindTable(kinds: readonly KindDefinition[]): KindTable {
  const byKind = new Map(kinds.map((row) => [`${row.apiVersion}/${row.kind}`, row]))
  const byPath = new Map(kinds.map((row) => [`${row.apiVersion}/${row.plural}`, row]))
  return {
    all: kinds,
    of: ({ apiVersion, kind }) => {
      const definition = byKind.get(`${apiVersion}/${kind}`)
      if (definition === undefined) {
        throw statusError('NotFound', `no matches for kind "${kind}" in version "${apiVersion}"`)
      }
      return definition
    },
    byPath: (apiVersion, plural) => byPath.get(`${apiVersion}/${plural}`),
  }
}

/** One row of the list of kinds. */
export function kind(
  apiVersion: string,
  name: string,
  plural: string,
  shortNames: readonly string[] = [],
  traits: Partial<KindDefinition> = {},
): KindDefinition {
  const singular = name.toLowerCase()
  return { apiVersion, kind: name, plural, singular, shortNames, namespaced: true, ...traits }
}

export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
}

/** `deployments.apps`, `pods`: how messages name a resource. */
export function qualifiedPlural({ apiVersion, plural }: KindDefinition): string {
  const group = groupOf(apiVersion)
  return group === '' ? plural : `${plural}.${group}`
}
