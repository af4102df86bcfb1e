import type { ExperimentEvent } from '../../harness/experiment/events.ts'

export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  write(text: string): unknown
}

export interface Progress {
  onEvent(event: ExperimentEvent): void
  /** One line that stays, above the moving one. */
  note(text: string): void
  /** Removes the moving line. */
  end(): void
}

const eraseLine = '\r\x1b[2K'
const assumedColumns = 80

/** On a terminal one line that keeps changing; in a log file one line per phase and round. */
export function showProgress(stream: ProgressStream): Progress {
  return stream.isTTY === true ? movingLine(stream) : plainLines(stream)
}

function movingLine(stream: ProgressStream): Progress {
  let window = ''
  const show = (text: string): void => {
    // A line that wraps cannot be erased any more.
    stream.write(`${eraseLine}${text.slice(0, (stream.columns ?? assumedColumns) - 1)}`)
  }
  return {
    onEvent: (event) => {
      if (event.type === 'phase') show(event.sentence)
      if (event.type === 'window-start') {
        window = `[${event.index}/${event.total}] round ${event.round} of ${event.rounds} · ${event.mode}${event.point === undefined ? '' : ` · ${event.point}`}`
        show(`${window} · ${timeLeft(event.remainingMs)}`)
      }
      if (event.type === 'progress') {
        const { ok, failed, durationMs, p50Us } = event.point
        const rate = `${Math.round((ok / durationMs) * 1000)} req/s`
        const p50 = p50Us === null ? [] : [`p50 ${(p50Us / 1000).toFixed(2)} ms`]
        const errors = failed === 0 ? [] : [`${failed} failed`]
        const parts = [window, rate, ...p50, ...errors, timeLeft(event.remainingMs)]
        show(parts.join(' · '))
      }
    },
    note: (text) => stream.write(`${eraseLine}${text}\n`),
    end: () => stream.write(eraseLine),
  }
}

function plainLines(stream: ProgressStream): Progress {
  let last = ''
  let round = 0
  const line = (text: string): void => {
    if (text !== last) stream.write(`${text}\n`)
    last = text
  }
  return {
    onEvent: (event) => {
      // Sentences of one phase change several times a second; the first one says what it is.
      if (event.type === 'phase' && !event.sentence.startsWith('waiting')) line(event.sentence)
      if (event.type === 'window-start' && event.round !== round) {
        round = event.round
        line(`round ${round} of ${event.rounds}, ${timeLeft(event.remainingMs)}`)
      }
      if (event.type === 'window-end') {
        for (const { severity, message } of event.window.findings) {
          if (severity === 'error') line(`${event.mode}: ${message}`)
        }
      }
    },
    note: line,
    end: () => undefined,
  }
}

/** `1:05 left`. */
export function timeLeft(remainingMs: number): string {
  const seconds = Math.ceil(remainingMs / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`
}
