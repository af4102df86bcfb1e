import { statusError } from '../../errors.ts'
import type { JsonObject } from '../json.ts'
import { type FieldType, MESSAGES, type Message } from './messages.ts'

/** `k8s\0`, then runtime.Unknown (k8s.io/apimachinery/pkg/runtime/serializer/protobuf). */
const MAGIC = Buffer.from('k8s\0')
/** k8s.io/apimachinery/pkg/util/intstr/generated.proto; type 1 is a string. */
const INT_OR_STRING: Message = { 1: ['type', 'int'], 2: ['intVal', 'int'], 3: ['strVal', 'string'] }
const UNKNOWN: Message = {
  1: ['type', { message: { 1: ['apiVersion', 'string'], 2: ['kind', 'string'] } }],
  2: ['raw', 'bytes'],
  3: ['contentEncoding', 'string'],
  4: ['contentType', 'string'],
}

/** The object in a Kubernetes protobuf body; throws BadRequest or UnsupportedMediaType. */
export function decodeObject(body: Buffer): JsonObject {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw malformed()
  const { type, raw } = decode(body.subarray(MAGIC.length), UNKNOWN, 'envelope') as {
    readonly type?: { readonly apiVersion?: string; readonly kind?: string }
    readonly raw?: string
  }
  const { apiVersion = '', kind = '' } = type ?? {}
  const name = `${apiVersion}/${kind}`
  const message = Object.hasOwn(MESSAGES, name) ? MESSAGES[name] : undefined
  if (message === undefined) throw unsupported(name)
  return { apiVersion, kind, ...decode(Buffer.from(raw ?? '', 'base64'), message, name) }
}

/** https://protobuf.dev/programming-guides/encoding/ */
function decode(bytes: Buffer, message: Message, where: string): JsonObject {
  const result: JsonObject = {}
  let at = 0

  function varint(): number {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at]
      if (byte === undefined) throw malformed()
      at += 1
      // Ten-byte negative numbers lose their upper bits, which no field here uses.
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw malformed()
  }

  while (at < bytes.length) {
    const tag = varint()
    const [number, wire] = [Math.floor(tag / 8), tag % 8]
    const [name, type] = message[number] ?? []
    if (name === undefined || type === undefined) throw unsupported(`field ${number} of ${where}`)
    if (wire === 0) {
      const value = varint()
      if (type === 'int') result[name] = value
      else if (type === 'int-unless-zero') {
        if (value !== 0) result[name] = value
      } else if (type === 'bool') result[name] = value === 1
      else if (type !== 'ignored') throw malformed()
    } else if (wire === 2) {
      const length = varint()
      if (length > bytes.length - at) throw malformed()
      read(result, name, type, bytes.subarray(at, at + length), `${where}.${name}`)
      at += length
    } else throw malformed()
  }
  return result
}

function read(into: JsonObject, name: string, type: FieldType, bytes: Buffer, where: string): void {
  if (type === 'ignored') return
  // Go writes every string, also the empty ones that JSON leaves out.
  if (type === 'string') {
    if (bytes.length > 0) into[name] = bytes.toString('utf8')
  } else if (type === 'bytes') into[name] = bytes.toString('base64')
  else if (type === 'int-or-string') {
    const { type: which, intVal = 0, strVal = '' } = decode(bytes, INT_OR_STRING, where)
    into[name] = which === 1 ? strVal : intVal
  } else if (typeof type === 'string') throw malformed()
  else if ('message' in type) into[name] = decode(bytes, type.message, where)
  else if ('list' in type) {
    const list = (into[name] ?? []) as unknown[]
    list.push(type.list === 'string' ? bytes.toString('utf8') : decode(bytes, type.list, where))
    into[name] = list
  } else {
    const entry = decode(bytes, { 1: ['key', 'string'], 2: ['value', type.map] }, where)
    into[name] = { ...(into[name] as object | undefined), [String(entry.key)]: entry.value ?? '' }
  }
}

function malformed(): Error {
  return statusError('BadRequest', 'the protobuf body of the request could not be read')
}

function unsupported(what: string): Error {
  const message = `this server cannot read ${what} as protobuf - accepted media types include: application/json, application/yaml (kubectl apply -f sends JSON)`
  return statusError('UnsupportedMediaType', message)
}
