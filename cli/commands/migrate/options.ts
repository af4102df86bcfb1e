import { type Command as Commander, Option } from 'commander'

/** Options that subcommands share, so that they are called and explained alike. */
export interface ClusterOptions {
  readonly kubeconfig?: string
  readonly context?: string
}

export interface NamespaceOptions {
  readonly namespace?: readonly string[]
}

export interface AllLabelledOptions {
  readonly allLabelled?: boolean
}

export function withNamespaces(command: Commander): Commander {
  return command.addOption(
    new Option('-n, --namespace <ns>', 'a namespace; may be given several times').argParser(
      collect,
    ),
  )
}

export function withAllLabelled(command: Commander): Commander {
  return command.option('--all-labelled', 'every namespace whose labels ask for sidecars')
}

export function withCluster(command: Commander): Commander {
  return command
    .optionsGroup('Cluster:')
    .option('--kubeconfig <file>', 'how to reach it (default: what kubectl would use)')
    .option('--context <name>', 'a context of the kubeconfig (default: its current one)')
}

export function withOutput(command: Commander): Commander {
  return command
    .optionsGroup('Output:')
    .option('--json', 'print one JSON document')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
}

export interface ProbeOptions {
  readonly probe?: boolean
  readonly probeImage?: string
}

export function withProbe(command: Commander): Commander {
  return command
    .option('--probe', 'prove with requests of a canary pod too, which goes again')
    .option('--probe-image <image>', 'what it runs in a real cluster: any with sh and curl')
}

export interface EndingOptions {
  readonly cleanUp?: boolean
  readonly protectFromBypass?: boolean
  readonly allowBypass?: readonly string[]
}

/** What is done last, once no sidecar is left. */
export function withEndings(command: Commander): Commander {
  return command
    .option(
      '--clean-up',
      'delete policies and routes that only sidecars went by, once all are gone',
    )
    .option('--protect-from-bypass', 'have pods refuse whoever comes past their waypoint')
    .option(
      '--allow-bypass <who>',
      'may come past it: monitoring/prometheus (a service account), port:9090',
      collect,
    )
}

export interface WaypointOptions {
  readonly waypoint?: 'auto' | 'always' | 'never'
}

export function withWaypoint(command: Commander): Commander {
  return command.addOption(
    new Option('--waypoint <when>', 'auto (only where L7 needs one), always or never')
      .choices(['auto', 'always', 'never'])
      .default('auto', 'auto'),
  )
}

/** For options given several times. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}
