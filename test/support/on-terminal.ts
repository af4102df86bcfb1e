import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const main = join(import.meta.dirname, '../../cli/main.js')

// util-linux's: runs a command on a terminal of its own.
const script = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
/** Why tests on a terminal cannot run here, or false. */
export const noTerminal: false | string = script ? false : 'no script(1) to make a terminal with'

export interface TerminalOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Otherwise the terminal was never told its size. */
  readonly size?: { readonly columns: number; readonly rows: number }
  readonly timeoutMs: number
}

export interface OnTerminal {
  readonly child: ChildProcess
  /** Everything that appeared so far, from both streams, as the terminal got it. */
  shown(): string
  /** Resolves when what appeared satisfies the predicate. */
  until(holds: (shown: string) => boolean): Promise<void>
  /** As the key does it: the terminal turns it into SIGINT. */
  pressCtrlC(): void
  /** The exit code of the command. */
  readonly ended: Promise<number | null>
}

export function startOnTerminal(argv: readonly string[], options: TerminalOptions): OnTerminal {
  const command = [process.execPath, main, ...argv].map((word) => `'${word}'`).join(' ')
  const { size } = options
  const resize = size === undefined ? '' : `stty cols ${size.columns} rows ${size.rows}; `
  const child = spawn('script', ['-qec', `${resize}exec ${command}`, '/dev/null'], {
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ...options.env },
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs)
  let shown = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    for (const look of waiting) look()
  })
  const ended = once(child, 'close').then(([code]): number | null => {
    clearTimeout(timer)
    return code
  })
  return {
    child,
    shown: () => shown,
    until: (holds) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!holds(shown)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
        void ended.then((code) => reject(new Error(`ended with ${code} before that:\n${shown}`)))
      }),
    pressCtrlC: () => child.stdin.write('\x03'),
    ended,
  }
}

/**
 * The lines that stand on a terminal after it got `text`: understands what the views here use, moving
 * up, erasing to the end of the screen or line, and colours. Anything else throws.
 */
export function screenAfter(text: string): readonly string[] {
  const lines = ['']
  let row = 0
  let column = 0
  const write = (char: string): void => {
    const line = (lines[row] ?? '').padEnd(column)
    lines[row] = line.slice(0, column) + char + line.slice(column + 1)
    column += 1
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals are told with
  for (const [token, count = '', code] of text.matchAll(/\x1b\[(\d*)([A-Za-z])|./gsu)) {
    if (token === '\n') {
      row += 1
      lines[row] ??= ''
    } else if (token === '\r') column = 0
    else if (code === undefined) write(token)
    else if (code === 'A') row = Math.max(row - Number(count || 1), 0)
    else if (code === 'J') lines.splice(row, lines.length, (lines[row] ?? '').slice(0, column))
    else if (code === 'K') lines[row] = count === '2' ? '' : (lines[row] ?? '').slice(0, column)
    else if (code !== 'm') throw new Error(`unknown control sequence ${JSON.stringify(token)}`)
  }
  return lines
}
