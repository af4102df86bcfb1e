import { stringify } from 'csv-stringify/sync'

export type CsvValue = string | number | boolean | null

/**
 * A name that a spreadsheet would run as a formula (`=`, `+`, `-`, `@` first) gets a quote in front;
 * numbers keep their sign. Unknown values are empty cells.
 */
export function writeCsv<Column extends string>(
  columns: readonly Column[],
  rows: readonly Readonly<Record<Column, CsvValue>>[],
): string {
  return stringify(rows.slice(), {
    header: true,
    columns: columns.slice(),
    record_delimiter: 'unix',
    escape_formulas: true,
    cast: { boolean: (value) => String(value) },
  })
}
