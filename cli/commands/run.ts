import type { Command as Commander } from 'commander'
import type { Command } from '../context.ts'
import { UsageError } from '../errors.ts'
import type { RawRunOptions } from '../run/settings.ts'
import { addRunOptions } from './run-options.ts'

const examples = `
Examples:
  # about a minute: magnitudes, no verdicts
  meshbench run --quick
  # the real thing, five minutes or a few more
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
  # from how many workloads on a node does ambient win
  meshbench run --sweep workloads-per-node=1,2,4 --rate 100
  # in CI: exit 1 when a rule of the file fails (and, with confirm in it, fails again)
  meshbench run --rounds 10 --gates gates.yaml
  # in a script: the path of the result and the verdict as JSON
  meshbench run --quick --json --out results
`

export function buildRun(program: Commander, act: (run: Command<RawRunOptions>) => Act): void {
  const command = program
    .command('run')
    .summary(
      'measure a workload without a mesh, with sidecars, ambient, and ambient with a waypoint',
    )
    .description(
      'Deploys a workload once per mode, puts the same load on each in turn, and reports latency, CPU, memory and errors of every mode with their differences.',
    )
  addRunOptions(command)
    .addHelpText('after', examples)
    .action(
      act(async (flags, context) => {
        const { configure } = await import('../config/layers.ts')
        const { raw } = configure(flags, context.env)
        if (flags.baseline !== undefined && raw.gates === undefined) throw baselineAlone()
        return raw.sweep === undefined
          ? (await import('../run/execute.ts')).run(raw, context)
          : (await import('../sweep/execute.ts')).runSweep(raw, raw.sweep, context)
      }),
    )
}

/** Typed, that is: in meshbench.yaml it may wait for a run with gates. */
function baselineAlone(): UsageError {
  return new UsageError(
    '--baseline is for the rules of --gates, and none are given',
    'add --gates gates.yaml; to start a baseline: meshbench gate RESULT --gates FILE --baseline FILE --update-baseline',
  )
}

type Act = (options: RawRunOptions) => Promise<void>
