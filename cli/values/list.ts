import { nearest } from '../../cluster/nearest.ts'
import { UsageError } from '../errors.ts'

/** A comma-separated choice from `known`, without repeats, in the order of `known`. */
export function parseList<T extends string>(
  option: string,
  text: string,
  known: readonly T[],
  noun: string,
): T[] {
  const words = text.split(',').map((word) => word.trim())
  for (const word of words) {
    if ((known as readonly string[]).includes(word)) continue
    const meant = nearest(word, known)
    throw new UsageError(
      word === '' ? `${option} has an empty entry` : `${option}: there is no ${noun} "${word}"`,
      `${meant === undefined ? '' : `did you mean ${meant}? `}${noun}s: ${known.join(', ')}`,
    )
  }
  return known.filter((word) => words.includes(word))
}
