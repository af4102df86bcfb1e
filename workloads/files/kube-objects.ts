import { type Document, isMap, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'
import { Problems } from './problems.ts'

/** One object of a file, and its nodes for messages. */
export interface FileObject {
  readonly node: Node
  readonly value: Readonly<Record<string, unknown>>
}

export interface ParsedFile {
  readonly problems: Problems
  readonly objects: readonly FileObject[]
}

/** All documents of a YAML or JSON text, `kind: List` taken apart. Syntax errors become faults. */
export function parseFile(file: string, text: string): ParsedFile {
  const lineCounter = new LineCounter()
  const problems = new Problems(file, lineCounter)
  const parsed = parseAllDocuments(text, { lineCounter, prettyErrors: false })
  const documents: Document[] = Array.isArray(parsed) ? parsed : []
  const objects: FileObject[] = []
  for (const document of documents) {
    for (const { pos, message } of document.errors) problems.fault(pos[0], message)
    const { contents } = document
    if (document.errors.length > 0 || contents === null) continue
    const items = document.get('kind') === 'List' ? document.get('items') : undefined
    for (const node of isSeq(items) ? (items.items as Node[]) : [contents]) {
      const value: unknown = isMap(node) ? node.toJS(document) : undefined
      if (isRecord(value)) objects.push({ node, value })
      else if (!isEmpty(node, document)) problems.fault(node, 'a document must be a map of fields')
    }
  }
  return { problems, objects }
}

function isEmpty(node: Node, document: Document): boolean {
  return node.toJS(document) === null
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
