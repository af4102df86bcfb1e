import type { Paint } from '../reports/terminal/paint.ts'
import type { ProgressStream } from './terminal/progress.ts'

/** What a command may touch of the world outside: it neither prints nor exits by itself. */
export interface CommandContext {
  /** Results. Under `--json` exactly one JSON document. */
  out(text: string): void
  /** The same place as a stream, for views that change in place on a terminal. */
  readonly stdout: ProgressStream
  /** Progress and remarks. */
  readonly stderr: ProgressStream
  readonly paint: Paint
  readonly columns: number | undefined
  readonly json: boolean
  readonly verbose: boolean
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** As typed, for the record. */
  readonly argv: readonly string[]
  /** Asks whoever sits at the terminal; absent where nobody does. */
  readonly ask?: (question: string) => Promise<string>
  /** Fires on the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
}

/** A command gives back its exit code or throws. */
export type Command<Options> = (options: Options, context: CommandContext) => Promise<number>

/** Turns a command into what commander calls with its options. */
export type Act = <Options>(run: Command<Options>) => (options: Options) => Promise<void>
