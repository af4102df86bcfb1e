import { UsageError } from '../errors.ts'

export interface NumberRange {
  readonly min: number
  readonly max: number
  readonly integer?: boolean
}

export function parseNumber(option: string, text: string, range: NumberRange): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  const kind = range.integer === true ? 'whole number' : 'number'
  if (!Number.isFinite(value) || (range.integer === true && !Number.isInteger(value))) {
    throw new UsageError(`${option} takes a ${kind}, not "${text}"`, example(option, range))
  }
  if (value < range.min || value > range.max) {
    throw new UsageError(
      `${option} ${text} is out of range`,
      `${option} takes a ${kind} from ${range.min} to ${range.max}`,
    )
  }
  return value
}

function example(option: string, { min, max }: NumberRange): string {
  return `write for example ${option} ${Math.min(max, Math.max(min, 4))}`
}
