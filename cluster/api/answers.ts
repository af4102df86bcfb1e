import type { ServerResponse } from 'node:http'
import { ClusterError, statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'

const encoded = new WeakMap<object, Buffer>()

/** JSON of a stored object. Stored objects never change, so each is encoded only once. */
export function bytesOf(object: Readonly<KubeObject>): Buffer {
  const known = encoded.get(object)
  if (known !== undefined) return known
  const bytes = Buffer.from(JSON.stringify(object))
  encoded.set(object, bytes)
  return bytes
}

export function sendBytes(
  response: ServerResponse,
  status: number,
  json: Buffer,
  type = 'application/json',
): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, {
    'content-type': type,
    'content-length': json.length,
    'cache-control': 'no-cache, private',
  })
  response.end(json)
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  type?: string,
): void {
  sendBytes(response, status, Buffer.from(JSON.stringify(value)), type)
}

/** A failure the way Kubernetes tells it, https://kubernetes.io/docs/reference/using-api/. */
export function statusOf(error: unknown): { readonly code: number } & Record<string, unknown> {
  const known =
    error instanceof ClusterError
      ? error
      : statusError('InternalError', 'Internal error occurred: the request could not be handled')
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: known.message,
    reason: known.reason ?? 'InternalError',
    ...(known.details && { details: known.details }),
    code: known.status ?? 500,
  }
}

export function sendError(response: ServerResponse, error: unknown): void {
  const status = statusOf(error)
  // Whatever is left of the request is not going to be read.
  if (status.code === 413 || status.code === 401) response.setHeader('connection', 'close')
  sendJson(response, status.code, status)
}
