import type { Command as Commander } from 'commander'
import type { Act } from '../../context.ts'
import { type NamespaceOptions, withNamespaces, withOutput } from './options.ts'

export interface RawRbacOptions extends NamespaceOptions {
  readonly planOnly?: boolean
  readonly restartWorkloads?: boolean
  readonly cleanUp?: boolean
  readonly probe?: boolean
  readonly subject?: string
  readonly rootNamespace?: string
}

const examples = `
Examples:
  # for a service account \`meshbench\` that is made along with it
  meshbench migrate rbac --namespace shop | kubectl apply -f -
  # only what planning needs, which changes nothing, for a group of people
  meshbench migrate rbac --namespace shop --plan-only --subject group:platform
  # two namespaces, and rolling restarts of their workloads
  meshbench migrate rbac -n shop -n web --restart-workloads --subject user:ci
`

export function buildMigrateRbac(migrate: Commander, act: Act): void {
  const command = migrate
    .command('rbac')
    .summary('print the roles that planning and applying need, and nothing else')
    .description(
      'Prints the ClusterRole, Roles and bindings with exactly the calls that `migrate` can make for these namespaces. Reads no cluster.',
    )
    .optionsGroup('What to allow:')
  withNamespaces(command)
    .option('--plan-only', 'only what planning reads')
    .option('--restart-workloads', 'also rolling restarts')
    .option('--clean-up', 'also deleting routes that only sidecars went by')
    .option('--probe', 'also canary pods, and reading their logs and those of ztunnels')
    .option(
      '--subject <who>',
      'user:NAME, group:NAME or serviceaccount:NS/NAME (default: a service account meshbench in the first namespace)',
    )
    .option('--root-namespace <ns>', 'where istiod runs (default: istio-system)')
  withOutput(command)
    .addHelpText('after', examples)
    .action(
      act<RawRbacOptions>(async (options, context) =>
        (await import('../../migrate/rbac.ts')).rbac(options, context),
      ),
    )
}
