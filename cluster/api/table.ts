import type { KubeObject } from '../objects.ts'
import { age } from './age.ts'
import { COLUMNS, type Column } from './columns.ts'
import type { KindDefinition } from './kind-table.ts'

const NAME: Column = { name: 'Name', value: ({ metadata }) => metadata.name }
const AGE: Column = {
  name: 'Age',
  value: ({ metadata }, nowMs) => age(metadata.creationTimestamp, nowMs),
}

/** The form a client would rather have: what `kubectl get` prints, or no more than metadata. */
export function wantedForm(accept: string | undefined): 'table' | 'metadata' | 'object' {
  if (/application\/json;[^,]*as=Table/.test(accept ?? '')) return 'table'
  return /application\/json;[^,]*as=PartialObjectMetadata/.test(accept ?? '')
    ? 'metadata'
    : 'object'
}

/** Name first, age before the wide columns; between them what says most about the kind. */
function columnsOf({ apiVersion, kind }: KindDefinition): readonly Column[] {
  const own = COLUMNS[`${apiVersion}/${kind}`]
  if (own === undefined) return [NAME, AGE]
  if (kind === 'Event') return own
  // Where Kubernetes has the age elsewhere, or none.
  if (own.some(({ name }) => name === 'Age' || name === 'Created At')) return [NAME, ...own]
  return [NAME, ...own.filter(({ wide }) => !wide), AGE, ...own.filter(({ wide }) => wide)]
}

/** meta.k8s.io/v1 Table: the server decides what a row shows, so that clients need not know the kind. */
export function tableOf(
  kind: KindDefinition,
  objects: readonly Readonly<KubeObject>[],
  options: { readonly metadata?: object; readonly includeObject: string | null },
): unknown {
  const columns = columnsOf(kind)
  const nowMs = Date.now()
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata ?? {},
    columnDefinitions: columns.map(({ name, wide, type = 'string' }) => ({
      name,
      type,
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority: wide ? 1 : 0,
    })),
    rows: objects.map((object) => ({
      cells: columns.map(({ value }) => value(object, nowMs)),
      ...(options.includeObject !== 'None' && {
        object: options.includeObject === 'Object' ? object : metadataOnly(object),
      }),
    })),
  }
}

export function metadataOnly({ metadata }: Readonly<KubeObject>): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}
