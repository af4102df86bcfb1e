import { type Command as Commander, Option } from 'commander'
import type { Command } from '../context.ts'

export interface RawReportOptions {
  readonly result?: string
  readonly history?: string
  readonly format?: string
  readonly out?: string
  readonly reportSize?: string
}

const examples = `
Examples:
  # the usual documents, beside the newest result
  meshbench report .meshbench/latest
  # only the table for a pull request
  meshbench report .meshbench/latest --format md
  # the charts as files, and what other tools read
  meshbench report .meshbench/latest --format svg,benchstat,bencher --out exports
  # a page of a tenth of the size, for mail and artefacts: the same drawings, which stand still
  meshbench report .meshbench/latest --format html --report-size small --out mail
  # one page with the trend of all runs in a folder
  meshbench report --history .meshbench
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
    .description(
      'Makes the documents of a result.json that a run wrote: report.html, CSV files and Markdown, or other formats.',
    )
    .argument('[result]', 'a run folder or its result.json')
    .optionsGroup('Output:')
    .option(
      '--format <list>',
      'of html, csv, md (these three by default), junit, svg, json, benchstat, github-action-benchmark, bencher, fortio',
    )
    .option('--history <dir>', 'instead: history.html, the trend of all runs in a folder')
    .option(
      '--report-size <size>',
      'full, or small: report.html without scripts to draw with, for mail (default: full)',
    )
    .option('--out <dir>', 'where the files go (default: beside the result)')
    .option('--json', 'print the paths as JSON')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
    .addHelpText('after', examples)
    .action((result: string | undefined, options: Omit<RawReportOptions, 'result'>) =>
      action({ ...options, ...(result !== undefined && { result }) }),
    )
}
