import type { Command as Commander } from 'commander'
import type { Act } from '../../context.ts'
import {
  type ClusterOptions,
  type NamespaceOptions,
  withCluster,
  withNamespaces,
  withOutput,
} from './options.ts'

export interface RawRollbackOptions extends NamespaceOptions, ClusterOptions {
  readonly journal?: string
}

const examples = `
Takes back what the journal says was changed, in reverse, and nothing else: labels that
somebody has changed since are left and named, created objects are deleted only if they
are still the very ones, deleted ones are made anew.

Exit codes: 0 taken back; 2 usage; 5 the cluster could not be asked; 6 another meshbench
            is at it; 7 it could not all be taken back (run it again); 130 interrupted

Examples:
  # the last migration of a namespace
  meshbench migrate rollback --namespace shop
  # this one
  meshbench migrate rollback --journal .meshbench/migrations/shop-20260801-101500
`

export function buildMigrateRollback(migrate: Commander, act: Act): void {
  const command = migrate
    .command('rollback')
    .summary('take a migration back, from its journal')
    .description(
      'Takes back a migration, finished or not: only what it changed, in reverse, and verified.',
    )
    .optionsGroup('What to take back:')
  withNamespaces(command).option('--journal <dir>', 'the folder of a migration')
  withOutput(withCluster(command))
    .addHelpText('after', examples)
    .action(
      act<RawRollbackOptions>(async (options, context) =>
        (await import('../../migrate/rollback.ts')).rollback(options, context),
      ),
    )
}
