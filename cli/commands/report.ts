import { type Command as Commander, Option } from 'commander'
import type { Command } from '../context.ts'

export interface RawReportOptions {
  readonly result: string
  readonly format?: string
  readonly out?: string
}

const examples = `
Examples:
  # all formats, beside the newest result
  meshbench report .meshbench/latest
  # only the table for a pull request
  meshbench report .meshbench/latest --format md
  # from a result of another machine, somewhere else
  meshbench report result.json --out public
`

export function buildReport(
  program: Commander,
  act: (run: Command<RawReportOptions>) => (options: RawReportOptions) => Promise<void>,
): void {
  const action = act(async (options, context) =>
    (await import('../report/execute.ts')).report(options, context),
  )
  program
    .command('report')
    .summary('write the documents of a result again')
    .description('Makes report.html, CSV files and Markdown from a result.json that a run wrote.')
    .argument('<result>', 'a run folder or its result.json')
    .optionsGroup('Output:')
    .option('--format <list>', 'of html, csv, md (default: all three)')
    .option('--out <dir>', 'where the files go (default: beside the result)')
    .option('--json', 'print the paths as JSON')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
    .addHelpText('after', examples)
    .action((result: string, options: Omit<RawReportOptions, 'result'>) =>
      action({ ...options, result }),
    )
}
