import { isNode, type LineCounter } from 'yaml'
import { WorkloadFileError } from '../errors.ts'

/** A place in a file: a YAML node, or a character's number. */
export type Place = unknown

/** Enough to mend a file in a few rounds without drowning the first line. */
const mostShown = 20

/**
 * What is wrong or odd about one file, each with `file:line:column`. Reading goes on after a fault, so
 * that one look shows them all; `throwIfAny` ends it.
 */
export class Problems {
  readonly warnings: string[] = []
  readonly #faults = new Map<string, number>()
  readonly #file: string
  readonly #lines: LineCounter

  constructor(file: string, lines: LineCounter) {
    this.#file = file
    this.#lines = lines
  }

  fault(place: Place, message: string): void {
    this.#faults.set(`${this.#at(place)}: ${message}`, offsetOf(place) ?? 0)
  }

  warn(place: Place, message: string): void {
    this.warnings.push(`${this.#at(place)}: ${message}`)
  }

  throwIfAny(hint: string): void {
    const count = this.#faults.size
    if (count === 0) return
    const ordered = [...this.#faults].sort(([, a], [, b]) => a - b).map(([text]) => text)
    const shown = ordered.slice(0, mostShown)
    const more = count > mostShown ? [`and ${count - mostShown} more`] : []
    throw new WorkloadFileError([...shown, ...more].join('\n  '), hint)
  }

  #at(place: Place): string {
    const offset = offsetOf(place)
    if (offset === undefined) return this.#file
    const { line, col } = this.#lines.linePos(offset)
    return `${this.#file}:${line}:${col}`
  }
}

function offsetOf(place: Place): number | undefined {
  return typeof place === 'number' ? place : isNode(place) ? place.range?.[0] : undefined
}
