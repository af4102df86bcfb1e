import { isMap, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'
import { isObject, type JsonObject } from '../../cluster/api/json.ts'
import type { FileFault } from './snapshot.ts'

/** YAML keeps lines but takes a hundred times as long as JSON. */
const BY_LINES_MAX_CHARS = 4_000_000

export interface FoundObject {
  readonly file: string
  readonly line: number
  readonly value: JsonObject
}

export interface Manifests {
  readonly objects: readonly FoundObject[]
  readonly faults: readonly FileFault[]
}

/** All objects of a file: several documents, `List` kinds taken apart. What cannot be read is a fault. */
export function parseManifests(file: string, text: string): Manifests {
  if (text.length > BY_LINES_MAX_CHARS && /\.json$/i.test(file)) return parseJson(file, text)
  const lines = new LineCounter()
  const objects: FoundObject[] = []
  const faults: FileFault[] = []
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line)
  const fault = (offset: number, message: string): void => {
    faults.push({ file, line: lineAt(offset), message })
  }
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors
    if (error !== undefined) {
      fault(error.pos[0], error.message.split('\n')[0] ?? 'not YAML')
      continue
    }
    if (document.contents === null) continue
    const top = document.contents as Node
    try {
      const value: unknown = document.toJS()
      const items = itemsOf(value)
      if (items === undefined) add(top, value)
      else {
        const list = isMap(top) ? top.get('items', true) : top
        const nodes = isSeq(list) ? (list.items as Node[]) : []
        items.forEach((item, index) => {
          add(nodes[index] ?? top, item)
        })
      }
    } catch (cause) {
      // Aliases without an anchor, or too many of them.
      fault(top.range?.[0] ?? 0, cause instanceof Error ? cause.message : String(cause))
    }
  }

  function add(node: Node, value: unknown): void {
    const offset = node.range?.[0] ?? 0
    if (value === null) return
    if (isObject(value)) objects.push({ file, line: lineAt(offset), value })
    else fault(offset, 'this is not an object')
  }
  return { objects, faults }
}

/** Too long to find lines in: an export of a whole cluster, which a program has written. */
function parseJson(file: string, text: string): Manifests {
  try {
    const value: unknown = JSON.parse(text)
    const objects = (itemsOf(value) ?? [value])
      .filter(isObject)
      .map((one) => ({ file, line: 1, value: one }))
    return { objects, faults: [] }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const position = Number(/position (\d+)/.exec(message)?.[1] ?? 0)
    const line = text.slice(0, position).split('\n').length
    return { objects: [], faults: [{ file, line, message }] }
  }
}

/** Of a `List` or `PodList`, or of a bare array. */
function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (!isObject(value) || typeof value.kind !== 'string' || !value.kind.endsWith('List')) {
    return undefined
  }
  if (!Array.isArray(value.items)) return undefined
  // Items of `kubectl get -o json` say their kind; those of an API answer leave it to the list.
  const kind = value.kind.slice(0, -'List'.length)
  return value.items.map((item) =>
    isObject(item) && item.kind === undefined && kind !== ''
      ? { apiVersion: value.apiVersion, kind, ...item }
      : item,
  )
}
