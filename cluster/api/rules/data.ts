import type { StatusCause } from '../../errors.ts'
import type { KubeObject } from '../../objects.ts'
import { isObject } from '../json.ts'
import { invalid } from './causes.ts'

const KEY = /^[-._a-zA-Z0-9]+$/
const KEY_MAX_LENGTH = 253
const KEY_HELP =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
const DATA_MAX_BYTES = 1024 * 1024

/** Of ConfigMap and Secret: keys become file names, and the whole has to stay small. */
export function dataProblems(object: KubeObject): StatusCause[] {
  const causes: StatusCause[] = []
  let bytes = 0
  for (const field of ['data', 'binaryData']) {
    const data = object[field]
    for (const [key, value] of Object.entries(isObject(data) ? data : {})) {
      bytes += String(value).length
      if (key.length > KEY_MAX_LENGTH || !KEY.test(key) || key === '.' || key === '..') {
        causes.push(invalid(`${field}[${key}]`, key, KEY_HELP))
      }
    }
  }
  if (bytes > DATA_MAX_BYTES) {
    const message = `Too long: may not be more than ${DATA_MAX_BYTES} bytes`
    causes.push({ reason: 'FieldValueTooLong', message, field: '' })
  }
  return causes
}
