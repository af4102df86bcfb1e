import type { ExecutionEvent } from '../../migration/execute/events.ts'
import type { ProgressStream } from '../terminal/progress.ts'

export interface ExecutionProgress {
  onEvent(event: ExecutionEvent): void
  end(): void
}

const eraseLine = '\r\x1b[2K'
const assumedColumns = 80

/** On a terminal what is waited for changes in place; in a log file it is told once a step. */
export function showExecution(stream: ProgressStream): ExecutionProgress {
  const live = stream.isTTY === true
  let toldFor = ''
  const stay = (text: string): void => {
    stream.write(`${live ? eraseLine : ''}${text}\n`)
  }
  const move = (text: string): void => {
    // A line that wraps cannot be erased any more.
    stream.write(`${eraseLine}${text.slice(0, (stream.columns ?? assumedColumns) - 1)}`)
  }
  return {
    onEvent: (event) => {
      switch (event.event) {
        case 'step-started':
          stay(`[${event.number}/${event.of}] ${event.step.id}: ${event.step.title}`)
          return
        case 'call':
          stay(`    ${event.text}`)
          return
        case 'waiting':
          if (live) move(`    waiting: ${event.text}`)
          else if (toldFor !== event.step.id) stay(`    waiting: ${event.text}`)
          toldFor = event.step.id
          return
        case 'step-verified':
          for (const sentence of event.evidence) stay(`    proved: ${sentence}`)
          return
        case 'step-failed':
          stay(`    failed: ${event.reason}`)
          return
        case 'step-skipped':
          stay(`    left for later: ${event.reason}`)
          return
        case 'step-undone':
          stay(`    taken back: ${event.step.id}`)
          return
        case 'notice':
          stay(`    note: ${event.text}`)
      }
    },
    end: () => {
      if (live) stream.write(eraseLine)
    },
  }
}
