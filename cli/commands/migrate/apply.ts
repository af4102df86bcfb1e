import type { Command as Commander } from 'commander'
import type { Act } from '../../context.ts'
import {
  type AllLabelledOptions,
  type ClusterOptions,
  collect,
  type EndingOptions,
  type NamespaceOptions,
  type ProbeOptions,
  withAllLabelled,
  withCluster,
  withEndings,
  withNamespaces,
  withOutput,
  withProbe,
} from './options.ts'

export interface RawApplyOptions
  extends NamespaceOptions,
    AllLabelledOptions,
    ClusterOptions,
    ProbeOptions,
    EndingOptions {
  readonly plan?: string
  readonly restartWorkloads?: boolean
  readonly yes?: boolean
  readonly rollbackOnFailure?: boolean
  readonly pauseAfter?: string
  readonly accept?: readonly string[]
}

const examples = `
Without --plan it goes on with a migration of these namespaces that was interrupted, or
makes a plan and asks. Every call is tried with dryRun first, every step is proved before
the next, and .meshbench/migrations/<plan id>/ holds the journal: after a crash, a pause
or a failed step the same command goes on, and \`migrate rollback\` takes it back.

Exit codes: 0 finished or paused; 2 usage; 5 the cluster could not be asked any more (run
            it again); 6 blocked, changed since the plan, or another meshbench is at it;
            7 a step failed; 130 interrupted (run it again)

Examples:
  # plan, look, answer y
  meshbench migrate apply --namespace shop
  # a plan that was reviewed, in CI
  meshbench migrate apply --plan plan.json --yes --rollback-on-failure --json
  # only as far as the waypoint; the same without --pause-after goes on
  meshbench migrate apply --namespace shop --pause-after S9
`

export function buildMigrateApply(migrate: Commander, act: Act): void {
  const command = migrate
    .command('apply')
    .summary('carry out a plan, step by step, each one proved')
    .description(
      'Carries out a plan: checks, applies and proves step after step, with a journal that survives a crash. No pod is restarted unless the plan was made with --restart-workloads.',
    )
    .optionsGroup('What to carry out:')
    .option('--plan <file>', 'a plan that `migrate plan` saved')
  withAllLabelled(withNamespaces(command)).option(
    '--restart-workloads',
    'without --plan: also convert pods by rolling restarts',
  )
  withProbe(withEndings(command))
    .option('--accept <code>', 'a finding to go on with: MB053, MB053=RESOURCE', collect)
    .optionsGroup('How:')
    .option('--yes', 'do not ask')
    .option('--rollback-on-failure', 'take everything back when a step fails')
    .option('--pause-after <step>', 'stop there, to go on later: S10/shop, or S9 for its last')
  withOutput(withCluster(command))
    .addHelpText('after', examples)
    .action(
      act<RawApplyOptions>(async (options, context) =>
        (await import('../../migrate/apply.ts')).apply(options, context),
      ),
    )
}
