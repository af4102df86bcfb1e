import { Command as Commander, CommanderError } from 'commander'
import { nearest } from '../cluster/nearest.ts'
import { buildCompare } from './commands/compare.ts'
import { buildCompletion } from './commands/completion.ts'
import { buildConfig } from './commands/config.ts'
import { buildDoctor } from './commands/doctor.ts'
import { buildEstimate } from './commands/estimate.ts'
import { buildGate } from './commands/gate.ts'
import { buildMigrate } from './commands/migrate.ts'
import { buildReport } from './commands/report.ts'
import { buildRun } from './commands/run.ts'
import { buildUp } from './commands/up.ts'
import type { Command, CommandContext } from './context.ts'
import { describeFailure, type Failure, formatFailure, UsageError } from './errors.ts'
import { exitCodes } from './exit-codes.ts'
import { stopOnSignals } from './signals.ts'
import { paintFor } from './terminal/paint.ts'
import type { ProgressStream } from './terminal/progress.ts'
import { readTool } from './tool.ts'

const about =
  'Measures what sidecar and ambient service meshes cost, on this machine, with real proxies and real traffic: latency, CPU, memory and errors side by side.'

const overview = `
Exit codes: 0 ok, 1 a gate says no, 2 usage, 3 measurement not to be trusted,
            4 baseline missing, 5 environment not ready, 6 migration blocked,
            7 migration step failed, 70 internal error, 130 interrupted

Examples:
  # compare all four modes in about a minute
  meshbench run --quick
  # the same services to try kubectl on, until Ctrl-C
  meshbench up
  # what one command takes, with examples
  meshbench run --help
`

/** Parses, runs, prints what went wrong. Gives back the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  // `meshbench --help | head -1` closes the pipe early; that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  const stopped = stopOnSignals((signal) => {
    process.stderr.write(`\n${signal}: stopping; a second one stops at once\n`)
  })
  let code: number = exitCodes.ok
  const program = new Commander('meshbench')
    .description(about)
    .version(readTool().version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .addHelpText('after', overview)
  const act =
    <Options>(run: Command<Options>) =>
    async (options: Options): Promise<void> => {
      code = await run(options, contextOf(argv, stopped))
    }
  buildRun(program, act)
  buildUp(program, act)
  buildReport(program, act)
  buildCompare(program, act)
  buildGate(program, act)
  buildEstimate(program, act)
  buildMigrate(program, act)
  buildDoctor(program, act)
  buildConfig(program, act)
  buildCompletion(program, act)
  if (argv.length === 0) {
    process.stderr.write(program.helpInformation())
    return exitCodes.usage
  }
  try {
    const command = program.parseAsync(argv, { from: 'user' }).then(() => true)
    // Whoever ends by itself after a signal knows whether that was its proper end, as it is of `up`.
    const ended = await Promise.race([command, overdue(stopped).then(() => false)])
    return ended ? code : exitCodes.interrupted
  } catch (error) {
    if (stopped.aborted) return exitCodes.interrupted
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
    const failure = describeFailure(
      error instanceof CommanderError ? asUsage(error, argv, program) : error,
    )
    printFailure(failure, argv)
    return failure.exitCode
  }
}

/** Stopping is promised within five seconds; what hangs then is left to end with this process. */
const stopDeadlineMs = 4_500

function overdue(stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    stopped.addEventListener('abort', () => setTimeout(resolve, stopDeadlineMs))
  })
}

function contextOf(argv: readonly string[], signal: AbortSignal): CommandContext {
  const json = argv.includes('--json')
  return {
    out: (text) => process.stdout.write(`${text}\n`),
    stdout: asLines(process.stdout),
    stderr: progressTo(argv),
    env: process.env,
    paint: paintFor(process.stdout, process.env),
    columns: process.stdout.columns || undefined,
    json,
    verbose: argv.includes('--verbose'),
    version: readTool().version,
    argv,
    ...(process.stdin.isTTY && process.stderr.isTTY && !json && { ask: asker(signal) }),
    signal,
  }
}

/** An end of input is no answer. */
function asker(signal: AbortSignal): NonNullable<CommandContext['ask']> {
  return async (question) => {
    const { createInterface } = await import('node:readline/promises')
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
    try {
      return await Promise.race([lines.question(question, { signal }), ended])
    } finally {
      lines.close()
    }
  }
}

function progressTo(argv: readonly string[]): CommandContext['stderr'] {
  return argv.includes('--quiet') ? { write: () => undefined } : asLines(process.stderr)
}

/** On a terminal that cannot move its cursor nothing is drawn in place: lines, as in a log file. */
function asLines(stream: NodeJS.WriteStream): ProgressStream {
  const write = (text: string): boolean => stream.write(text)
  if (process.env.TERM === 'dumb') return { write }
  return {
    isTTY: stream.isTTY,
    write,
    // A terminal that was never told its size (a serial line, a fresh pseudo terminal) says 0.
    get columns() {
      return stream.columns || undefined
    },
    get rows() {
      return stream.rows || undefined
    },
  }
}

function printFailure(failure: Failure, argv: readonly string[]): void {
  process.stderr.write(`${formatFailure(failure, argv.includes('--verbose'))}\n`)
  if (!argv.includes('--json')) return
  const { code, message, hint, exitCode } = failure
  process.stdout.write(`${JSON.stringify({ error: { code, message, hint, exitCode } })}\n`)
}

/** Commander's own words, split into what is wrong and what to do. */
function asUsage(error: CommanderError, argv: readonly string[], program: Commander): UsageError {
  const unknown = unknownSubcommand(argv, program)
  if (error.code === 'commander.excessArguments' && unknown !== undefined) return unknown
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const suggestion = rest.join(' ').replace(/^\((.*)\)$/, '$1')
  const help = `${['meshbench', ...commandsIn(argv, program)].join(' ')} --help lists what there is`
  return new UsageError(first, suggestion === '' ? help : `${suggestion} ${help}`)
}

/** `migrate plna`: the default subcommand takes the word for an argument too many. */
function unknownSubcommand(argv: readonly string[], program: Commander): UsageError | undefined {
  const [name = '', word = ''] = argv
  const known = program.commands.find((each) => each.name() === name)?.commands ?? []
  if (known.length === 0 || word.startsWith('-')) return undefined
  const names = known.map((each) => each.name())
  if (names.includes(word)) return undefined
  const meant = nearest(word, names)
  return new UsageError(
    `unknown command '${name} ${word}'`,
    `${meant === undefined ? '' : `Did you mean ${meant}? `}meshbench ${name} --help lists what there is`,
  )
}

/** `migrate`, `rbac`: as far as the words lead into commands. */
function commandsIn(argv: readonly string[], program: Commander): readonly string[] {
  for (const [at, word] of argv.entries()) {
    const command = program.commands.find((each) => each.name() === word)
    if (command !== undefined) return [word, ...commandsIn(argv.slice(at + 1), command)]
  }
  return []
}
