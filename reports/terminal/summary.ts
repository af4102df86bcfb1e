import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { gateLines } from '../gates/terminal.ts'
import { median } from '../statistics/median.ts'
import { findingsOf } from '../wording/findings.ts'
import { ascii, fixed } from '../wording/numbers.ts'
import { alarm, modesOf, settingText } from '../wording/run.ts'
import { verdictSentence } from '../wording/verdict.ts'
import { type Cell, layRow, totalWidth, widthsOf, wrap } from './layout.ts'
import { type Paint, type PaintStyle, plain } from './paint.ts'
import { type Table, tableOf } from './table.ts'

export interface SummaryOptions {
  readonly paint?: Paint
  /** Columns of the terminal; the table drops its spread, then its third part moves below. */
  readonly width?: number
  readonly reportPath?: string
}

const labelWidth = 9

/** What most people read and nothing else: the table, the answer, what to be careful about. */
export function terminalSummary(result: Result, options: SummaryOptions = {}): string {
  const { paint = plain, width = 120, reportPath } = options
  const note = (label: string, text: string, style?: PaintStyle): string => {
    const wrapped = wrap(text, Math.max(40, width - labelWidth), ' '.repeat(labelWidth))
    const head = label.padEnd(labelWidth)
    return (style === undefined ? head : paint(style, head)) + wrapped
  }
  const raised = alarm(result)
  return [
    paint('strong', [result.options.workload, ...settingText(result)].map(printable).join(' · ')),
    ...(raised === null ? [] : ['', note('STOP', raised, 'worse')]),
    '',
    ...layTable(result, width, paint),
    '',
    note('verdict', verdictSentence(result, ascii)),
    ...(result.gates === undefined ? [] : gateLines(result.gates, paint)).map(
      (line, index) => (index === 0 ? 'gates' : '').padEnd(labelWidth) + line,
    ),
    ...findingsOf(result).map(({ severity, message, hint, where }) => {
      const found = where === '' ? message : `${message} (${where})`
      const text = hint === undefined ? found : `${found.replace(/\.$/, '')}; ${hint}`
      return note(labels[severity], printable(text), styles[severity])
    }),
    ...generatorNotes(result).map((text) => note('note', text)),
    ...(reportPath === undefined ? [] : [note('report', reportPath)]),
    '',
  ].join('\n')
}

const labels = { error: 'invalid', warning: 'warning', info: 'note' } as const
const styles = { error: 'worse', warning: 'warning', info: 'faint' } as const

function layTable(result: Result, width: number, paint: Paint): string[] {
  const full = sideBySide(tableOf(result, true))
  if (totalWidth(columnWidths(full)) <= width) return lay(full, paint)
  const short = tableOf(result, false)
  const tight = sideBySide(short)
  if (totalWidth(columnWidths(tight)) <= width || short.compared === null) return lay(tight, paint)
  const below = short.body.flatMap(([label], index) => {
    const cells = short.compared?.cells[index] ?? []
    return label === undefined || cells.length === 0 ? [] : [[label, ...cells]]
  })
  return [
    ...lay([short.head, ...short.body], paint),
    '',
    paint('strong', short.compared.title),
    ...lay(below, paint),
  ]
}

function sideBySide({ head, body, compared }: Table): (readonly Cell[])[] {
  if (compared === null) return [head, ...body]
  return [
    [...head, { text: compared.title, style: 'strong' }],
    ...body.map((row, index) => [...row, ...(compared.cells[index] ?? [])]),
  ]
}

function lay(rows: readonly (readonly Cell[])[], paint: Paint): string[] {
  const widths = columnWidths(rows)
  return rows.map((row) => layRow(row, widths, paint))
}

/** The title of the comparison may reach over its three columns, so it does not widen the first. */
function columnWidths(rows: readonly (readonly Cell[])[]): number[] {
  const heads = rows[0] ?? []
  const widths = widthsOf(rows.slice(1))
  const own = widths.length > heads.length ? heads.slice(0, -1) : heads
  return widths.map((width, column) => Math.max(width, own[column]?.text.length ?? 0))
}

/** The load generator's own health, because every latency above passed through it. */
function generatorNotes(result: Result): string[] {
  const windows = modesOf(result).flatMap((mode) => validWindows(result.modes[mode]))
  const cores = median(windows.map(({ generator }) => generator.cores))
  const lag = median(windows.map(({ generator }) => generator.lagUsP99))
  if (cores === null || lag === null) return []
  return [
    `load generator at ${fixed(100 * cores, 0)} % of one core, ${fixed(lag / 1000, 2)} ms late at p99`,
  ]
}

/** Names come from files and clusters: no control character of theirs reaches the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\u00b7')
}
