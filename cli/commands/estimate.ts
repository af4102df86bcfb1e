import { type Command as Commander, Option } from 'commander'
import type { Command } from '../context.ts'

export interface RawEstimateOptions {
  readonly pods?: string
  readonly nodes?: string
  readonly rps?: string
  readonly l7Share?: string
  readonly waypoints?: string
  readonly nodeSize?: string
  readonly podSize?: string
  readonly pricePerVcpu?: string
  readonly pricePerGib?: string
  readonly from?: string
  readonly context?: string
  readonly kubeconfig?: string
  readonly window?: string
}

const examples = `
Examples:
  # 200 pods on 20 nodes with 5,000 requests/s between them, by Istio's own figures
  meshbench estimate --pods 200 --nodes 20 --rps 5000
  # a third of the requests needs a waypoint; prices are per month
  meshbench estimate --pods 200 --nodes 20 --rps 5000 --l7-share 0.33 --price-per-vcpu 25 --price-per-gib 3
  # how many nodes of 4 vCPU and 16 GiB that takes, for pods that request 0.25 vCPU and 0.5 GiB
  meshbench estimate --pods 200 --nodes 20 --rps 5000 --node-size 4,16 --pod-size 0.25,0.5
  # count pods, nodes and requests in a cluster that runs
  meshbench estimate --context staging
  # by what was measured here (a sweep tells idle cost and cost per request apart)
  meshbench run --sweep rate=100,300,1000
  meshbench estimate --pods 200 --nodes 20 --rps 5000 --from .meshbench/latest
`

export function buildEstimate(
  program: Commander,
  act: (run: Command<RawEstimateOptions>) => (options: RawEstimateOptions) => Promise<void>,
): void {
  program
    .command('estimate')
    .summary('what each mode would take in a cluster of yours, from measured or published costs')
    .description(
      'Multiplies the cost of a proxy by the size of a cluster: vCPU, memory and price of its data plane as sidecars, ambient, and ambient with waypoints, what each requests, how many nodes that takes, and from where on ambient wins.',
    )
    .optionsGroup('Cluster:')
    .option('--pods <n>', 'pods in the mesh')
    .option('--nodes <n>', 'nodes they run on')
    .option('--rps <n>', 'requests per second between them, all together')
    .option('--context <name>', 'count all three in this cluster of the kubeconfig instead')
    .option('--kubeconfig <file>', 'the same, and where it stands (default: as for kubectl)')
    .option('--window <t>', 'how long to count requests for (default: 10s)')
    .option('--l7-share <p>', 'share of the requests that needs a waypoint, 0 to 1 (default: 1)')
    .option('--waypoints <n>', 'waypoint replicas (default: one per 1,000 of these requests/s)')
    .option('--node-size <vcpu,gib>', 'of one node, to count how many all pods take')
    .option('--pod-size <vcpu,gib>', 'what one application pod requests without its proxy')
    .optionsGroup('Costs:')
    .option('--from <result>', 'a sweep or run of the echo workload (default: Istio 1.24)')
    .option('--price-per-vcpu <x>', 'of one vCPU for a month')
    .option('--price-per-gib <y>', 'of one GiB of memory for a month')
    .optionsGroup('Output:')
    .option('--json', 'print one JSON document')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
    .addHelpText('after', examples)
    .action(
      act(async (options, context) =>
        (await import('../estimate/execute.ts')).estimate(options, context),
      ),
    )
}
