import { type Command as Commander, Option } from 'commander'
import type { Command } from '../context.ts'

export interface RawCompareOptions {
  readonly before: string
  readonly after: string
  readonly format?: string
  readonly out?: string
}

const examples = `
Examples:
  # what changed since an earlier run
  meshbench compare .meshbench/2026-11-20T09-00-00 .meshbench/latest
  # as Markdown for a pull request and as a page
  meshbench compare old/result.json new/result.json --format md,html --out public
  # every figure with its interval, for a script
  meshbench compare old new --json
`

export function buildCompare(
  program: Commander,
  act: (run: Command<RawCompareOptions>) => (options: RawCompareOptions) => Promise<void>,
): void {
  const action = act(async (options, context) =>
    (await import('../compare/execute.ts')).compare(options, context),
  )
  program
    .command('compare')
    .summary('show what differs between two results')
    .description(
      'Compares two results metric by metric within each mode. Only what differs is spelt out. Runs on different machines or under different loads are shown side by side, without a verdict. To decide on a build, use gate: this command always ends with 0.',
    )
    .argument('<old>', 'a run folder or its result.json')
    .argument('<new>', 'another one')
    .optionsGroup('Output:')
    .option('--format <list>', 'write files instead: of md, html')
    .option('--out <dir>', 'where the files go (default: beside the new result)')
    .option('--json', 'print every comparison as JSON')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
    .addHelpText('after', examples)
    .action((before: string, after: string, options: Omit<RawCompareOptions, 'before' | 'after'>) =>
      action({ ...options, before, after }),
    )
}
