import type { Command as Commander } from 'commander'
import type { Act } from '../../context.ts'
import {
  type ClusterOptions,
  type NamespaceOptions,
  withCluster,
  withNamespaces,
  withOutput,
} from './options.ts'

export interface RawStatusOptions extends NamespaceOptions, ClusterOptions {}

const examples = `
Examples:
  # every namespace that has to do with the mesh
  meshbench migrate status
  # one of them, for a program
  meshbench migrate status --namespace shop --json
`

export function buildMigrateStatus(migrate: Commander, act: Act): void {
  const command = migrate
    .command('status')
    .summary('show who is on what now, for how long, and what comes next')
    .description(
      'Shows for every workload how many pods have a sidecar, are pending, are in ambient or in no mesh, how long that has been a mix, and what comes next. Changes nothing, and needs no journal.',
    )
    .optionsGroup('What to show:')
  withOutput(withCluster(withNamespaces(command)))
    .addHelpText('after', examples)
    .action(
      act<RawStatusOptions>(async (options, context) =>
        (await import('../../migrate/status.ts')).status(options, context),
      ),
    )
}
