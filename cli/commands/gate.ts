import { type Command as Commander, Option } from 'commander'
import type { Command } from '../context.ts'

export interface RawGateOptions {
  readonly result: string
  readonly gates: string
  readonly baseline?: string
  readonly updateBaseline?: boolean
  readonly allowNoBaseline?: boolean
  readonly junit?: string
  readonly summary?: string
}

const examples = `
Exit codes: 0 all passed, 1 a rule failed, 2 usage or a mistake in the gates file,
            3 could not be judged, 4 baseline missing

Examples:
  # the newest run against the rules
  meshbench gate .meshbench/latest --gates gates.yaml
  # against earlier runs; made with the next command
  meshbench gate .meshbench/latest --gates gates.yaml --baseline baseline.json
  # add this run to the baseline, unless a rule fails; the first time there is none
  meshbench gate .meshbench/latest --gates gates.yaml --baseline baseline.json --update-baseline --allow-no-baseline
  # in CI: a test report and the job's summary
  meshbench gate .meshbench/latest --gates gates.yaml --junit gates.xml --summary "$GITHUB_STEP_SUMMARY"
`

export function buildGate(
  program: Commander,
  act: (run: Command<RawGateOptions>) => (options: RawGateOptions) => Promise<void>,
): void {
  const action = act(async (options, context) =>
    (await import('../gate/execute.ts')).gate(options, context),
  )
  program
    .command('gate')
    .summary('hold a result against the rules of a file; the exit code is the answer')
    .description(
      'Checks the rules of gates.yaml on a result: absolute limits, differences between modes, differences to earlier runs. A rule fails only when both the figure and the end of its interval are past the limit; what cannot be judged does not pass. The run folder stays as it is: report.html shows the rules of `meshbench run --gates`.',
    )
    .argument('<result>', 'a run folder or its result.json')
    .optionsGroup('Rules:')
    .requiredOption('--gates <file>', 'the rules (YAML)')
    .option('--baseline <file>', 'earlier runs, for rules with "against: saved"')
    .option('--update-baseline', 'add this run to the baseline, unless a rule fails')
    .option('--allow-no-baseline', 'a missing baseline does not change the exit code')
    .optionsGroup('Output:')
    .option('--junit <file>', 'write a JUnit XML report, one case per rule')
    .option('--summary <file>', 'append Markdown, as for $GITHUB_STEP_SUMMARY')
    .option('--json', 'print the verdicts as JSON')
    .option('--verbose', 'say more about errors')
    .addHelpOption(new Option('-h, --help', 'print help').helpGroup('Output:'))
    .addHelpText('after', examples)
    .action((result: string, options: Omit<RawGateOptions, 'result'>) =>
      action({ ...options, result }),
    )
}
