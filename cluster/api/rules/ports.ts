import type { StatusCause } from '../../errors.ts'
import { invalid } from './causes.ts'

export function portProblem(field: string, port: unknown): StatusCause[] {
  const fits = Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65_535
  return fits ? [] : [invalid(field, port, 'must be between 1 and 65535, inclusive')]
}
