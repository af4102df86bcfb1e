import type { Paint, PaintStyle } from './paint.ts'

export interface Cell {
  readonly text: string
  readonly style?: PaintStyle
}

const gap = '  '

export function widthsOf(rows: readonly (readonly Cell[])[]): number[] {
  const columns = Math.max(0, ...rows.map(({ length }) => length))
  return Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.text.length ?? 0)),
  )
}

export function totalWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1))
}

/** Padding is measured before painting, so escape sequences never shift a column. */
export function layRow(row: readonly Cell[], widths: readonly number[], paint: Paint): string {
  const cells = row.map(({ text, style }, column) => {
    const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - text.length))
    return (style === undefined ? text : paint(style, text)) + padding
  })
  return cells.join(gap).trimEnd()
}

/** Breaks at spaces; `indent` stands before every line but the first. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const grown = line === '' ? word : `${line} ${word}`
    if (grown.length > width && line !== '') {
      lines.push(line)
      line = word
    } else {
      line = grown
    }
  }
  return [...lines, line].join(`\n${indent}`)
}
