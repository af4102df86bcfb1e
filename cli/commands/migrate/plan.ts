import type { Command as Commander } from 'commander'
import type { Act } from '../../context.ts'
import {
  type AllLabelledOptions,
  type ClusterOptions,
  collect,
  type EndingOptions,
  type NamespaceOptions,
  type ProbeOptions,
  type WaypointOptions,
  withAllLabelled,
  withCluster,
  withEndings,
  withNamespaces,
  withOutput,
  withProbe,
  withWaypoint,
} from './options.ts'

export interface RawPlanOptions
  extends NamespaceOptions,
    AllLabelledOptions,
    ClusterOptions,
    ProbeOptions,
    WaypointOptions,
    EndingOptions {
  readonly fromFiles?: string
  readonly plan?: string
  readonly restartWorkloads?: boolean
  readonly waypointName?: string
  readonly accept?: readonly string[]
  readonly out?: string
}

const examples = `
\`meshbench migrate --namespace NS\` is the same. Changes nothing in the cluster.

Exit codes: 0 the plan is ready, 2 usage, 5 the cluster cannot be reached, 6 blocked:
            the plan is printed and saved all the same, and apply refuses it

Examples:
  # what would happen to the namespace shop, call by call, and what stands in the way
  meshbench migrate plan --namespace shop
  # take a risk that the plan has named, for one policy only
  meshbench migrate plan -n shop --accept "MB051=AuthorizationPolicy shop/deny-admin"
  # review in CI what was exported with kubectl get -o yaml
  meshbench migrate plan -n shop --from-files exported/ --json
  # is the plan of yesterday still good? MB026 names what has changed since
  meshbench migrate plan --plan plan.json
  # all namespaces with sidecars, callers first, for \`apply --plan\`
  meshbench migrate plan --all-labelled --out plan.json
`

export function buildMigratePlan(migrate: Commander, act: Act): void {
  const command = migrate
    .command('plan', { isDefault: true })
    .summary('judge namespaces and print, step by step, how they move (default)')
    .description(
      'Reads a cluster, evaluates every preflight check and prints the steps with their exact calls, what proves each and what takes it back, what becomes of every policy, and who restarts: by default nobody.',
    )
    .optionsGroup('What to plan:')
  withAllLabelled(withNamespaces(command))
    .option('--from-files <dir>', 'plan from exported YAML instead of a cluster, for review')
    .option('--plan <file>', 'plan again as it was asked for there, and tell what has changed')
    .option('--restart-workloads', 'also convert pods that have a sidecar, by rolling restarts')
  withWaypoint(command).option('--waypoint-name <name>', 'of its Gateway (default: waypoint)')
  withProbe(withEndings(command)).option(
    '--accept <code>',
    'a finding to go on with: MB053, MB053=RESOURCE',
    collect,
  )
  withOutput(withCluster(command))
    .option('--out <file>', 'where to save it (default: .meshbench/migrations/<id>/plan.json)')
    .addHelpText('after', examples)
    .action(
      act<RawPlanOptions>(async (options, context) =>
        (await import('../../migrate/plan.ts')).plan(options, context),
      ),
    )
}
