// What a command touches of the world outside, kept instead of shown.
import type { CommandContext } from '../../cli/context.ts'

export interface QuietContext {
  readonly context: CommandContext
  stdout(): string
  stderr(): string
}

export function quietContext(): QuietContext {
  let out = ''
  let err = ''
  const stream = (add: (text: string) => void): CommandContext['stderr'] => ({
    isTTY: false,
    write: (text) => {
      add(text)
      return true
    },
  })
  const context: CommandContext = {
    out: (text) => {
      out += `${text}\n`
    },
    stdout: stream((text) => {
      out += text
    }),
    stderr: stream((text) => {
      err += text
    }),
    paint: (_, text) => text,
    columns: undefined,
    json: false,
    verbose: false,
    version: '0.0.0',
    env: {},
    argv: [],
    signal: new AbortController().signal,
  }
  return { context, stdout: () => out, stderr: () => err }
}
