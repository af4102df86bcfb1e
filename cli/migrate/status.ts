import { migrationsFolder } from '../../migration/journal/folder.ts'
import type { MigrationStatus, NamespaceStatus } from '../../migration/result/status.ts'
import { readStatus } from '../../migration/status/read-status.ts'
import type { RawStatusOptions } from '../commands/migrate/status.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { connect, patient } from './connect.ts'
import { namespacesOf } from './namespaces.ts'

export async function status(raw: RawStatusOptions, context: CommandContext): Promise<number> {
  const namespaces = raw.namespace === undefined ? [] : namespacesOf(raw)
  const client = await patient(await connect(raw), context)
  const found = await readStatus(client, { namespaces, journalDirectory: migrationsFolder })
  for (const message of found.damaged) context.stderr.write(`warning: ${message}\n`)
  if (context.json) context.out(JSON.stringify(found))
  else for (const line of linesOf(found)) context.out(line)
  return exitCodes.ok
}

const head = ['NAMESPACE', 'WORKLOAD', 'SIDECAR', 'PENDING', 'AMBIENT', 'EXCLUDED'] as const

export function linesOf({ namespaces }: MigrationStatus): readonly string[] {
  if (namespaces.length === 0) return ['No namespace has anything to do with the mesh.']
  const rows = namespaces.flatMap(({ namespace, workloads }) =>
    workloads.map(({ workload, sidecar, pending, ambient, excluded }) => [
      namespace,
      workload,
      ...[sidecar, pending, ambient, excluded].map((count) => (count === 0 ? '-' : String(count))),
    ]),
  )
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line), '', ...namespaces.flatMap(remarks)]
}

function remarks({ namespace, wants, mixed, next, journal }: NamespaceStatus): readonly string[] {
  const asks = {
    sidecar: 'sidecars',
    ambient: 'ambient',
    both: 'sidecars and ambient',
    none: 'no mesh',
  }
  return [
    `${namespace}: its labels ask for ${asks[wants]}`,
    ...(mixed
      ? [`  mixed for ${spanOf(mixed.durationMs)}, since ${mixed.since} (${mixed.knownFrom})`]
      : []),
    `  next: ${next}`,
    ...(journal
      ? [`  journal: ${journal.folder}, ${journal.state}, last entry ${journal.lastAt}`]
      : []),
  ]
}

/** `3 days 4 h`, `12 min`, `40 s`. */
export function spanOf(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${minutes % 60} min`
  const days = Math.floor(hours / 24)
  return `${days} ${days === 1 ? 'day' : 'days'} ${hours % 24} h`
}
