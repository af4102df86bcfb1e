import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { nearest } from '../../cluster/nearest.ts'
import { UsageError } from '../errors.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

export interface Parsed<T> {
  readonly value: T
  /** 1-based line of what stands at a path. */
  lineOf(path: Path): number | undefined
}

interface Mistake {
  readonly line: number
  readonly column: number
  readonly message: string
  readonly hint: string | undefined
}

/** Reads YAML by a schema. Every mistake at once, each as file:line:column. */
export function parseYaml<T>(file: string, text: string, schema: z.ZodType<T>): Parsed<T> {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false })
  const place = (offset: number): { line: number; column: number } => {
    const { line, col } = lineCounter.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  if (document.errors.length > 0) {
    const broken = document.errors.map(({ pos, message }) => ({
      ...place(pos[0]),
      message: message.split('\n')[0] ?? '',
      hint: undefined,
    }))
    throw refusal(file, broken.slice(0, 1), 'check the indentation and the quotes there')
  }
  const raw: unknown = document.toJS()
  const checked = schema.safeParse(raw)
  if (checked.success) {
    const lineOf = (path: Path): number | undefined => {
      const offset = nodeAt(document, path)?.range?.[0]
      return offset === undefined ? undefined : place(offset).line
    }
    return { value: checked.data, lineOf }
  }
  const mistakes = checked.error.issues.flatMap((issue): Mistake[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          ...place(keyOffset(document, issue.path, key)),
          ...unknownKey(key, knownKeys(schema, issue.path)),
        }))
      : [{ ...place(offsetOf(document, issue.path)), ...wording(issue, raw) }],
  )
  throw refusal(file, mistakes, 'meshbench-gates.schema.json describes the file, for editors too')
}

function refusal(file: string, mistakes: readonly Mistake[], help: string): UsageError {
  const lines = mistakes
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, message, hint }) => {
      const suggestion = mistakes.length > 1 && hint !== undefined ? `; ${hint}` : ''
      return `${file}:${line}:${column}: ${message}${suggestion}`
    })
  const only = mistakes.length === 1 ? mistakes[0]?.hint : undefined
  return new UsageError(lines.join('\n       '), only ?? help)
}

function wording(issue: Issue, raw: unknown): Pick<Mistake, 'message' | 'hint'> {
  const name = nameOf(issue.path.at(-1))
  const given = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    raw,
  )
  if (issue.code === 'invalid_value') {
    const known = issue.values.map(String)
    if (given === undefined) return { message: `${name} is missing`, hint: oneOf(known) }
    return {
      message: `there is no ${name} "${String(given)}"`,
      hint: suggest(String(given), known),
    }
  }
  if (given === undefined && issue.code !== 'custom') {
    return { message: `${name} is missing`, hint: undefined }
  }
  if (issue.code === 'custom') return { message: issue.message, hint: undefined }
  return wrongValue(issue, name, given)
}

function nameOf(key: PropertyKey | undefined): string {
  if (key === undefined) return 'the file'
  return typeof key === 'number' ? `rule ${key + 1}` : String(key)
}

/** A value of the wrong kind or size: what stands there, and what may. */
function wrongValue(issue: Issue, name: string, given: unknown): Pick<Mistake, 'message' | 'hint'> {
  if (issue.code === 'invalid_type') {
    const wanted = kinds[issue.expected] ?? issue.expected
    return given === null
      ? { message: `${name} is empty`, hint: `it takes ${wanted}` }
      : { message: `${name} takes ${wanted}, not ${shown(given)}`, hint: undefined }
  }
  if (issue.code === 'invalid_union') {
    const hint = 'write for example 5, "5 ms" or "10 %"'
    if (given === null) return { message: `${name} is empty`, hint }
    const message = `${name} takes a number, or one with its unit in quotes, not ${shown(given)}`
    return { message, hint }
  }
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    const [word, bound] =
      issue.code === 'too_small' ? ['at least', issue.minimum] : ['at most', issue.maximum]
    return typeof given === 'number'
      ? { message: `${name} is ${given}`, hint: `it is ${word} ${bound}` }
      : { message: `${name} is empty`, hint: `it has ${word} ${bound}` }
  }
  return { message: `${name}: ${lower(issue.message)}`, hint: undefined }
}

const kinds: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  array: 'a list',
  object: 'settings, one "name: value" a line',
}

function shown(given: unknown): string {
  if (Array.isArray(given)) return 'a list'
  return typeof given === 'object' ? 'settings' : JSON.stringify(given)
}

function unknownKey(key: string, known: readonly string[]): Pick<Mistake, 'message' | 'hint'> {
  return { message: `there is no setting "${key}"`, hint: suggest(key, known) }
}

/** A typo's neighbour, else the names that have the word in them (`p99`), else all if they are few. */
function suggest(word: string, known: readonly string[]): string {
  const close = nearest(word, known)
  if (close !== undefined) return `did you mean ${close}?`
  const holding = known.filter((name) => name.toLowerCase().includes(word.toLowerCase()))
  if (holding.length > 0) return `did you mean ${holding.slice(0, 4).join(', ')}?`
  return oneOf(known)
}

function oneOf(known: readonly string[]): string {
  const shown = known.slice(0, 16).join(', ')
  return known.length > 16 ? `some of them: ${shown}` : `one of ${shown}`
}

/** Settings that the schema has where the unknown one stands. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  let at: unknown = schema
  for (const key of path) {
    const { shape, element } = at as { shape?: Record<PropertyKey, unknown>; element?: unknown }
    at = typeof key === 'number' ? element : shape?.[key]
  }
  return Object.keys((at as { shape?: object } | undefined)?.shape ?? {})
}

function nodeAt(document: Document, path: Path): Node | undefined {
  return (document.getIn(path, true) as Node | undefined | null) ?? undefined
}

/** What is missing has no place of its own: then the nearest thing around it. */
function offsetOf(document: Document, path: Path): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const node = depth === 0 ? document.contents : nodeAt(document, path.slice(0, depth))
    if (node?.range) return node.range[0]
  }
  return 0
}

function keyOffset(document: Document, path: Path, key: string): number {
  const map = path.length === 0 ? document.contents : nodeAt(document, path)
  const pair = isMap(map)
    ? map.items.find(({ key: each }) => isScalar(each) && String(each.value) === key)
    : undefined
  const node = pair?.key
  return (isScalar(node) ? node.range?.[0] : undefined) ?? offsetOf(document, path)
}

function lower(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}
