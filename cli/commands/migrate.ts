import { type Command as Commander, Option } from 'commander'
import type { Act } from '../context.ts'
import { buildMigrateApply } from './migrate/apply.ts'
import { buildMigratePlan } from './migrate/plan.ts'
import { buildMigrateRbac } from './migrate/rbac.ts'
import { buildMigrateRehearse } from './migrate/rehearse.ts'
import { buildMigrateRollback } from './migrate/rollback.ts'
import { buildMigrateStatus } from './migrate/status.ts'

const examples = `
Exit codes: 0 done, or a plan is ready; 2 usage; 5 the cluster cannot be reached or is
            not ready; 6 blocked by findings or by another migration; 7 a step failed

Examples:
  # what would happen, call by call, and what stands in the way
  meshbench migrate --namespace shop
  # on a copy under load first: what fails, for how long, who restarts
  meshbench migrate rehearse --namespace shop --workload shop
  # carry it out, step by step, and see who is on what
  meshbench migrate apply --namespace shop
  meshbench migrate status --namespace shop
  # as it was before
  meshbench migrate rollback --namespace shop
  # the permissions a migration of the namespace shop needs, and nothing else
  meshbench migrate rbac --namespace shop | kubectl apply -f -
`

/** One line for each subcommand; each has a file of its own in ./migrate/. */
export function buildMigrate(program: Commander, act: Act): void {
  const migrate = program
    .command('migrate')
    .summary('move namespaces from sidecars to ambient without restarting their pods')
    .description(
      'Moves namespaces from sidecars to ambient through the Kubernetes API of any cluster: a real one with Istio, or the embedded one of `meshbench up`. No pod is restarted unless asked for.',
    )
    .helpCommand(false)
    .addHelpOption(new Option('-h, --help', 'print help'))
    .addHelpText('after', examples)
  buildMigratePlan(migrate, act)
  buildMigrateRehearse(migrate, act)
  buildMigrateApply(migrate, act)
  buildMigrateStatus(migrate, act)
  buildMigrateRollback(migrate, act)
  buildMigrateRbac(migrate, act)
}
