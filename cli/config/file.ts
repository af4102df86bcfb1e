import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { nearest } from '../../cluster/nearest.ts'
import { UsageError } from '../errors.ts'
import { type RawRunOptions, settleRunOptions } from '../run/settings.ts'
import { configKeys, configNames, type Layer, type Setting } from './keys.ts'

/** Settings of a meshbench.yaml, each with its place. Mistakes are told by file, line and column. */
export function readConfigFile(path: string): Layer {
  const source = readText(path)
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const name = basename(path)
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${name}:${line}:${col}`
  }
  const [broken] = document.errors
  if (broken !== undefined) {
    throw new UsageError(
      `${place(broken.pos[0])}: ${broken.message}`,
      'the file is YAML: one "name: value" a line',
    )
  }
  if (document.contents === null) return new Map()
  if (!isMap<Node, Node | null>(document.contents)) {
    throw new UsageError(`${name}:1:1: not a list of settings`, 'write one "name: value" a line')
  }
  const layer = new Map<string, Setting>()
  for (const { key, value } of document.contents.items) {
    const at = place((isScalar(value) || isSeq(value) ? value.range : key.range)?.[0] ?? 0)
    const option = isScalar(key) ? String(key.value) : ''
    if (configKeys[option] === undefined) {
      const meant = nearest(option, configNames)
      throw new UsageError(
        `${place(key.range?.[0] ?? 0)}: there is no setting "${option}"`,
        `${meant === undefined ? '' : `did you mean ${meant}? `}settings: ${configNames.join(', ')}`,
      )
    }
    layer.set(option, check(option, textOf(value), at))
  }
  return layer
}

/** A value by itself must be one that the command line would take. */
function check(option: string, value: string | boolean | undefined, at: string): Setting {
  const known = configKeys[option]
  if (value === undefined || (known?.flag === true) !== (typeof value === 'boolean')) {
    throw new UsageError(
      `${at}: ${option} takes ${known?.flag === true ? 'true or false' : 'one value'}`,
      known?.flag === true ? `write ${option}: true` : 'see meshbench run --help',
    )
  }
  try {
    settleRunOptions({ [known?.key ?? option]: value } as RawRunOptions, [])
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const plain = (text: string): string => text.replaceAll(`--${option} `, `${option}: `)
    throw new UsageError(
      `${at}: ${error.message.replaceAll(`--${option}`, option)}`,
      plain(error.hint),
    )
  }
  return { value, origin: at }
}

function textOf(value: Node | null): string | boolean | undefined {
  if (isSeq(value)) return value.items.map((item) => (isScalar(item) ? item.value : '')).join(',')
  if (!isScalar(value) || value.value === null) return undefined
  return typeof value.value === 'boolean' ? value.value : String(value.value)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new UsageError(
      `${path} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}`,
      'name an existing file with --config, or leave the option out',
    )
  }
}
