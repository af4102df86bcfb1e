import { type Command as Commander, Option } from 'commander'
import type { Command } from '../context.ts'
import { defaultUpRatePerSecond, type RawUpOptions } from '../up/settings.ts'

const examples = `
Ctrl-C ends it: exit code 0 once the playground was up, 130 before.

Examples:
  # the shop without a mesh; then, in another terminal with the KUBECONFIG it prints,
  #   kubectl label namespace shop istio.io/dataplane-mode=ambient
  meshbench up
  # every pod with a sidecar
  meshbench up --mode sidecar
  # your own services, and a kubeconfig where other tools expect it
  meshbench up --workload services.yaml --kubeconfig ./playground.kubeconfig
  # rehearse what a real cluster does: enrolling leaves running sidecars where they are
  meshbench up --mode sidecar --istio-semantics
  # for a program that watches: one JSON document a second
  meshbench up --json
`

export function buildUp(program: Commander, act: (run: Command<RawUpOptions>) => Act): void {
  program
    .command('up')
    .summary('start a playground: a small cluster with a workload under load, for kubectl')
    .description(
      'Starts the embedded cluster with a workload under light continuous load, prints the kubeconfig to use and shows live who captures each pod, request rate, errors and latency, until Ctrl-C.',
    )
    .optionsGroup('What to start:')
    .option('--workload <w>', 'shop, echo, chain, fanout, or a YAML file (default: shop)')
    .option('--entry <service>', 'where load enters (default: as the workload says)')
    .option('--mode <mode>', 'baseline, sidecar, ambient or waypoint (default: baseline)')
    .option('--replicas <n>', 'pods per service (default: as the workload says)')
    .option('--rate <n>', `requests per second (default: ${defaultUpRatePerSecond})`)
    .option(
      '--istio-semantics',
      'a running pod keeps its sidecar until it is recreated, as with Istio, instead of being taken over live',
    )
    .optionsGroup('Output:')
    .option('--kubeconfig <file>', 'write the kubeconfig here as well; removed at the end')
    .option('--json', 'print one JSON document a second, each on a line')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
    .addHelpText('after', examples)
    .action(
      act(async (options, context) => (await import('../up/execute.ts')).up(options, context)),
    )
}

type Act = (options: RawUpOptions) => Promise<void>
