import { type Command as Commander, Option } from 'commander'
import type { Command } from '../context.ts'

export interface RawDoctorOptions {
  readonly kubeconfig?: string
  readonly out?: string
}

const examples = `
Exit codes: 0 ready (warnings included), 5 something is missing

Examples:
  # before the first run, or when figures jump
  meshbench doctor
  # in a script
  meshbench doctor --json
`

export function buildDoctor(
  program: Commander,
  act: (run: Command<RawDoctorOptions>) => (options: RawDoctorOptions) => Promise<void>,
): void {
  program
    .command('doctor')
    .summary('check whether this machine can measure, and explain what stands in the way')
    .description(
      'Looks at Node, cores, load and noise, limits, loopback addresses, /proc, the folder for results, and what optional parts need. Takes about a second.',
    )
    .optionsGroup('What to check:')
    .option('--kubeconfig <file>', 'a cluster to reach (default: what kubectl would use)')
    .option('--out <dir>', 'where run folders go (default: .meshbench)')
    .optionsGroup('Output:')
    .option('--json', 'print one JSON document')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
    .addHelpText('after', examples)
    .action(
      act(async (options, context) =>
        (await import('../doctor/execute.ts')).doctor(options, context),
      ),
    )
}
