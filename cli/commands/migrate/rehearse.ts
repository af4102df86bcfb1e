import type { Command as Commander } from 'commander'
import type { Act } from '../../context.ts'
import { defaultRehearsalRate, defaultSettle } from '../../migrate/rehearse/defaults.ts'
import {
  type ClusterOptions,
  collect,
  type EndingOptions,
  type NamespaceOptions,
  type WaypointOptions,
  withCluster,
  withEndings,
  withNamespaces,
  withOutput,
  withWaypoint,
} from './options.ts'

export interface RawRehearseOptions
  extends NamespaceOptions,
    ClusterOptions,
    WaypointOptions,
    EndingOptions {
  readonly workload?: string
  readonly entry?: string
  readonly fromFiles?: string
  readonly restartWorkloads?: boolean
  readonly accept?: readonly string[]
  readonly istioSemantics?: boolean
  readonly rollback?: boolean
  readonly rate?: string
  readonly settle?: string
  readonly yes?: boolean
  readonly out?: string
}

const examples = `
The namespace is read from the cluster (or from --from-files, or made of --workload) and
built anew in an embedded cluster on this machine: same names, labels, ports, services and
policies, with a stand-in for every program. Nothing is changed anywhere else.

Exit codes: 0 no request failed and nothing restarted unasked; 1 requests failed or pods
            restarted; 2 usage; 3 the load itself is not to be trusted; 5 not ready;
            6 blocked by findings; 7 a step failed; 130 interrupted

Examples:
  # the shop that comes with meshbench, there and back
  meshbench migrate rehearse --namespace shop --workload shop --rollback
  # a namespace of the cluster kubectl is set to, as Istio would do it
  meshbench migrate rehearse --namespace shop --istio-semantics --restart-workloads
  # with a waypoint, past which nobody gets in the end: by callers that come through it
  meshbench migrate rehearse -n shop --workload shop --waypoint always --protect-from-bypass
  # from exported YAML, in CI
  meshbench migrate rehearse --namespace shop --from-files exported/ --yes --json
`

export function buildMigrateRehearse(migrate: Commander, act: Act): void {
  const command = migrate
    .command('rehearse')
    .summary('carry the plan out on a copy of the namespace under load, and report every step')
    .description(
      'Builds the namespace in an embedded cluster, puts it under open-loop load from callers that are migrated with it and callers that are not, carries out the plan there, and reports for every step what failed, how long, what it cost and who restarted.',
    )
    .optionsGroup('What to rehearse:')
  withNamespaces(command)
    .option('--workload <w>', 'shop, echo, chain, fanout or a YAML file, instead of a cluster')
    .option('--from-files <dir>', 'exported YAML, instead of a cluster')
    .option('--entry <service>', 'call this service alone (default: every HTTP service)')
    .option('--restart-workloads', 'also convert pods by rolling restarts')
  withEndings(withWaypoint(command))
    .option('--accept <code>', 'a finding to go on with: MB053, MB053=RESOURCE', collect)
    .option('--istio-semantics', 'running pods keep their sidecars, as on a real cluster')
    .option('--rollback', 'take it back afterwards, under the same load')
    .optionsGroup('Load:')
    .option(
      '--rate <n>',
      `requests per second of all callers together (default: ${defaultRehearsalRate})`,
    )
    .option(
      '--settle <t>',
      `undisturbed load before the first step and after each that writes (default: ${defaultSettle})`,
    )
  withOutput(
    withCluster(command)
      .optionsGroup('Output:')
      .option('--out <dir>', 'where results go (default: .meshbench/rehearsals)')
      .option('--yes', 'as for apply; a rehearsal asks nothing'),
  )
    .addHelpText('after', examples)
    .action(
      act<RawRehearseOptions>(async (options, context) =>
        (await import('../../migrate/rehearse/execute.ts')).rehearseMigration(options, context),
      ),
    )
}
