import type { IncomingMessage } from 'node:http'
import type { DocumentOptions, ParseOptions, SchemaOptions } from 'yaml'
import { statusError } from '../errors.ts'
import { isObject, type JsonObject } from './json.ts'
import { decodeObject } from './protobuf/decode.ts'

/** The limit of the API server of Kubernetes (`limitedReadBody`). */
const BODY_MAX_BYTES = 3 * 1024 * 1024

/** Deeper than any object of any kind, and shallow enough to be walked by recursion. */
const DEPTH_MAX = 200

export interface Body {
  /** Without parameters, lower case; empty when the client gave none. */
  readonly contentType: string
  readonly text: string
  readonly bytes: Buffer
}

export async function readBody(message: IncomingMessage): Promise<Body> {
  const contentType = (message.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  if (Number(message.headers['content-length'] ?? 0) > BODY_MAX_BYTES) throw tooLarge()
  const bytes = await bytesOf(message)
  return { contentType: contentType ?? '', text: bytes.toString('utf8'), bytes }
}

/** Not by iteration: ending one early destroys the connection, and with it the answer. */
function bytesOf(message: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      if (length <= BODY_MAX_BYTES) {
        chunks.push(chunk)
        return
      }
      message.off('data', onData)
      // Let go of, until the answer has been sent and the connection ends.
      message.resume()
      reject(tooLarge())
    }
    message.on('data', onData)
    message.once('end', () => resolve(Buffer.concat(chunks)))
    message.once('error', reject)
    const onClose = (): void => reject(statusError('BadRequest', 'the body broke off'))
    if (message.destroyed) onClose()
    else message.once('close', onClose)
  })
}

/** YAML 1.1 as sigs.k8s.io/yaml reads it: `yes` and `n` are booleans, 0644 is octal, a date is text. */
const YAML_OF_KUBERNETES: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  customTags: (tags) =>
    tags.filter(
      (each) =>
        typeof each === 'string' || !(each.tag.endsWith(':timestamp') || each.format === 'TIME'),
    ),
}

/** JSON, or what else the client says it is. */
export async function parseBody(body: Body): Promise<unknown> {
  const { contentType, text, bytes } = body
  if (contentType === 'application/vnd.kubernetes.protobuf') return decodeObject(bytes)
  if (contentType.endsWith('yaml') && !/^\s*[{[]/.test(text)) {
    const { parse } = await import('yaml')
    return attempt(() => parse(text, YAML_OF_KUBERNETES))
  }
  if (!['', 'application/json'].includes(contentType) && !/\+?(json|yaml)$/.test(contentType)) {
    const message = `the body of the request was in an unknown format (${contentType}) - accepted media types include: application/json, application/yaml`
    throw statusError('UnsupportedMediaType', message)
  }
  return attempt(() => JSON.parse(text))
}

export async function parseObject(body: Body): Promise<JsonObject> {
  const value = await parseBody(body)
  if (isObject(value)) return value
  throw statusError('BadRequest', 'the body of the request must be an object')
}

function attempt(parse: () => unknown): unknown {
  try {
    const value = parse()
    if (isDeeperThan(DEPTH_MAX, value)) throw new Error(`it is nested deeper than ${DEPTH_MAX}`)
    return value
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw statusError('BadRequest', `the body of the request could not be read: ${why}`)
  }
}

function isDeeperThan(depth: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((member) => isDeeperThan(depth - 1, member))
}

function tooLarge(): Error {
  const message = `Request entity too large: limit is ${BODY_MAX_BYTES}`
  return statusError('RequestEntityTooLarge', message)
}
