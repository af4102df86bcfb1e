import type { StatusCause } from '../../errors.ts'

// The reasons and wordings of k8s.io/apimachinery/pkg/util/validation/field.

export { invalid } from '../names.ts'

export function required(field: string, why = ''): StatusCause {
  const message = why === '' ? 'Required value' : `Required value: ${why}`
  return { reason: 'FieldValueRequired', message, field }
}

export function duplicate(field: string, value: unknown): StatusCause {
  const message = `Duplicate value: ${JSON.stringify(value)}`
  return { reason: 'FieldValueDuplicate', message, field }
}

export function unsupported(field: string, value: unknown, known: readonly string[]): StatusCause {
  const list = known.map((one) => `"${one}"`).join(', ')
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`
  return { reason: 'FieldValueNotSupported', message, field }
}
