import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { valueAt } from './json.ts'

/** `a=b`, `a==b`, `a!=b`, comma-separated; only the fields a kind can be selected by. */
export function parseFieldSelector(
  selector: string,
  supported: readonly string[],
): (object: KubeObject) => boolean {
  const terms = selector
    .split(',')
    .filter((term) => term.trim() !== '')
    .map((term) => {
      const match = /^\s*(?<field>[^=!\s]+)\s*(?<operator>==|=|!=)\s*(?<value>.*?)\s*$/.exec(term)
      const { field, operator, value } = match?.groups ?? {}
      if (field === undefined || value === undefined) {
        throw statusError('BadRequest', `invalid field selector: "${term}"`)
      }
      if (!supported.includes(field)) {
        throw statusError('BadRequest', `field label not supported: ${field}`)
      }
      return { field, value, wanted: operator !== '!=' }
    })
  return (object) =>
    terms.every(
      ({ field, value, wanted }) => (String(valueAt(object, field) ?? '') === value) === wanted,
    )
}
