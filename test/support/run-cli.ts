import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const main = join(import.meta.dirname, '../../cli/main.js')

export interface CliResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

export interface CliProcess {
  readonly child: ChildProcess
  readonly finished: Promise<CliResult>
  /** Resolves when stderr has shown the text. */
  sees(text: string): Promise<void>
}

/** The command as a user has it: its own process, no terminal, no colours. */
export function startCli(
  argv: readonly string[],
  options: { readonly cwd?: string; readonly timeoutMs?: number; readonly ownGroup?: boolean } = {},
): CliProcess {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [main, ...argv], {
    cwd: options.cwd,
    detached: options.ownGroup === true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 20_000)
  const text = { stdout: '', stderr: '' }
  const waiting: { readonly text: string; resolve(): void; reject(error: Error): void }[] = []
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text.stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text.stderr += chunk
    for (const one of waiting) if (text.stderr.includes(one.text)) one.resolve()
  })
  const finished = once(child, 'close').then(([code, signal]): CliResult => {
    clearTimeout(timer)
    const end = new Error(`ended with ${code ?? signal} before that:\n${text.stderr}`)
    for (const one of waiting) one.reject(end)
    return { code, signal, ...text, durationMs: performance.now() - startedAt }
  })
  return {
    child,
    finished,
    sees: (wanted) =>
      new Promise((resolve, reject) => {
        if (text.stderr.includes(wanted)) resolve()
        else waiting.push({ text: wanted, resolve, reject })
      }),
  }
}

export const runCli = (argv: readonly string[], cwd?: string): Promise<CliResult> =>
  startCli(argv, { cwd }).finished
