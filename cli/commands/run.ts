import { type Command as Commander, Option } from 'commander'
import type { Command } from '../context.ts'
import {
  defaultConnections,
  defaultDuration,
  defaultPayload,
  defaultRatePerSecond,
  defaultRounds,
  defaultWarmup,
  defaultWarmupMax,
  quick,
  type RawRunOptions,
} from '../run/settings.ts'

const examples = `
Examples:
  # about a minute: magnitudes, no verdicts
  meshbench run --quick
  # the real thing, about four minutes
  meshbench run
  # three services in a row at a lower rate
  meshbench run --workload chain --rate 300
  # a web shop of eight services, one of them plain TCP
  meshbench run --workload shop --rate 50
  # your own Deployments and Services
  meshbench run --workload services.yaml --entry web
  # only the question "what would ambient save me"
  meshbench run --modes sidecar,ambient --rounds 10
  # the highest rate each mode can carry
  meshbench run --saturate --connections 32
  # how cost grows with the rate, as a model for meshbench estimate
  meshbench run --sweep rate=100,300,1000
  # in CI: exit 1 when a rule of the file fails (and, with confirm in it, fails again)
  meshbench run --rounds 10 --gates gates.yaml
  # in a script: the path of the result and the verdict as JSON
  meshbench run --quick --json --out results
`

export function buildRun(program: Commander, act: (run: Command<RawRunOptions>) => Act): void {
  program
    .command('run')
    .summary(
      'measure a workload without a mesh, with sidecars, ambient, and ambient with a waypoint',
    )
    .description(
      'Deploys a workload once per mode, puts the same load on each in turn, and reports latency, CPU, memory and errors of every mode with their differences.',
    )
    .optionsGroup('What to run:')
    .option('--workload <w>', 'echo, chain, fanout, shop, or a YAML file (default: echo)')
    .option('--entry <service>', 'where load enters (default: as the workload says)')
    .option('--modes <list>', 'of baseline, sidecar, ambient, waypoint (default: all four)')
    .option('--replicas <n>', 'pods per service (default: 1; shop, files: their own)')
    .optionsGroup('Load:')
    .option('--rate <n>', `requests per second, open loop (default: ${defaultRatePerSecond})`)
    .option('--saturate', 'closed loop instead: as fast as answers come')
    .option('--connections <n>', `client connections (default: ${defaultConnections})`)
    .option(
      '--payload <size>',
      `bytes of each answer (default: ${defaultPayload}; shop, files: their own)`,
    )
    .option(
      '--sweep <axis=values>',
      'one run per value of rate, payload, connections or replicas (repeatable)',
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
    .option('--json', 'print one JSON document to stdout instead of a table')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
    .addHelpText('after', examples)
    .action(
      act(async (options, context) =>
        options.sweep === undefined
          ? (await import('../run/execute.ts')).run(options, context)
          : (await import('../sweep/execute.ts')).runSweep(options, options.sweep, context),
      ),
    )
}

type Act = (options: RawRunOptions) => Promise<void>
