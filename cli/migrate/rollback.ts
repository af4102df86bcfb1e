import type { ClusterClient } from '../../cluster/client/types.ts'
import { clusterId } from '../../migration/execute/cluster-id.ts'
import { listMigrations, migrationsFolder } from '../../migration/journal/folder.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import type { RawRollbackOptions } from '../commands/migrate/rollback.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { connect } from './connect.ts'
import { namespacesOf } from './namespaces.ts'
import { showExecution } from './progress.ts'
import { report } from './show-execution.ts'

export async function rollback(raw: RawRollbackOptions, context: CommandContext): Promise<number> {
  if ((raw.journal === undefined) === (raw.namespace === undefined)) {
    throw new UsageError(
      'say either --journal or --namespace',
      'the folder of a migration, or a namespace to take back the last one of',
    )
  }
  const client = await connect(raw)
  const folder = raw.journal ?? (await lastOf(client, raw))
  const progress = showExecution(context.stderr)
  try {
    const execution = await rollbackMigration(client, folder, {
      signal: context.signal,
      onEvent: progress.onEvent,
    })
    progress.end()
    return report(execution, context, 'rollback')
  } finally {
    progress.end()
  }
}

async function lastOf(client: ClusterClient, raw: RawRollbackOptions): Promise<string> {
  const namespaces = namespacesOf(raw)
  const here = await clusterId(client)
  const known = (await listMigrations(migrationsFolder)).filter(
    ({ state }) =>
      (here === undefined || state.cluster === undefined || state.cluster === here) &&
      namespaces.every((name) => state.namespaces.includes(name)),
  )
  const found = known.find(({ state }) => state.phase !== 'rolled-back')
  if (found !== undefined) return found.folder
  const [last] = known
  if (last !== undefined) {
    throw new UsageError(
      `the migration of ${namespaces.join(', ')} was already taken back (at ${last.state.lastAt})`,
      `nothing of it is left to take back; what was done is in ${last.folder}`,
    )
  }
  throw new UsageError(
    `this folder knows no migration of ${namespaces.join(', ')} in this cluster that could be taken back`,
    `run it where the migration was run, or name its folder with --journal`,
  )
}
