import { type Command as Commander, Option } from 'commander'
import {
  defaultConnections,
  defaultDuration,
  defaultPayload,
  defaultRatePerSecond,
  defaultRounds,
  defaultWarmup,
  defaultWarmupMax,
  quick,
} from '../run/settings.ts'

/** Of `run`, and of `config`, which says what they come to. */
export function addRunOptions(command: Commander): Commander {
  return command
    .optionsGroup('What to run:')
    .option('--workload <w>', 'echo, chain, fanout, shop, or a YAML file (default: echo)')
    .option('--entry <service>', 'where load enters (default: as the workload says)')
    .option('--modes <list>', 'of baseline, sidecar, ambient, waypoint (default: all four)')
    .option('--replicas <n>', 'pods per service (default: 1; shop, files: their own)')
    .option('--workloads-per-node <n>', 'the workload and idle copies beside it (default: 1)')
    .option('--same-node', 'load and workload on one node (default: on two)')
    .optionsGroup('Load:')
    .option('--rate <n>', `requests per second, open loop (default: ${defaultRatePerSecond})`)
    .option('--saturate', 'closed loop instead: as fast as answers come')
    .option('--connections <n>', `client connections (default: ${defaultConnections})`)
    .option('--fresh-connections', 'a new connection for each request, at most that many at once')
    .option(
      '--payload <size>',
      `bytes of each answer (default: ${defaultPayload}; shop, files: their own)`,
    )
    .option(
      '--sweep <axis=values>',
      'a run per value of rate, payload, connections, replicas or workloads-per-node (repeatable)',
      (text: string, others: readonly string[] = []) => [...others, text],
    )
    .optionsGroup('Measurement:')
    .option('--duration <t>', `length of one measured window (default: ${defaultDuration})`)
    .option('--warmup <t>', `least load before each window (default: ${defaultWarmup})`)
    .option(
      '--warmup-max <t>',
      `most of it, until figures are steady (default: ${defaultWarmupMax})`,
    )
    .option('--rounds <n>', `windows per mode (default: ${defaultRounds})`)
    .option('--seed <n>', 'order of modes and arrivals (default: random, recorded)')
    .option(
      '--quick',
      `${quick.rounds} rounds of ${quick.duration} after ${quick.warmup} warm-up or a little more: about a minute`,
    )
    .optionsGroup('Gates:')
    .option('--gates <file>', 'rules the result must keep; the exit code says whether it does')
    .option('--baseline <file>', 'earlier runs, for rules with "against: saved"')
    .optionsGroup('Output:')
    .option('--out <dir>', 'where run folders go (default: .meshbench)')
    .option('--config <file>', 'settings (default: meshbench.yaml, when there is one)')
    .option('--quiet', 'no progress, only the result')
    .option('--json', 'print one JSON document to stdout instead of a table')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
}
