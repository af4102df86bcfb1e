import type { Command as Commander } from 'commander'
import type { Command } from '../context.ts'
import type { RawRunOptions } from '../run/settings.ts'
import { addRunOptions } from './run-options.ts'

const examples = `
Order: options over environment (MESHBENCH_RATE) over meshbench.yaml over defaults

Examples:
  # what meshbench run would do here
  meshbench config
  # what it would do with these options
  meshbench config --quick --rate 200
  # a meshbench.yaml is one setting a line
  printf 'workload: chain\\nrate: 200\\nmodes: [sidecar, ambient]\\n' > meshbench.yaml
`

export function buildConfig(
  program: Commander,
  act: (
    run: Command<RawRunOptions & { readonly config?: string }>,
  ) => (options: RawRunOptions) => Promise<void>,
): void {
  const command = program
    .command('config')
    .summary('print every setting of a run and where it comes from')
    .description(
      'Prints the settings that meshbench run would have with these options, here: each with the option, environment variable or line of meshbench.yaml that set it. istio-semantics is for meshbench up.',
    )
  addRunOptions(command)
    .addHelpText('after', examples)
    .action(
      act(async (options, context) =>
        (await import('../config/execute.ts')).printConfig(options, context),
      ),
    )
}
