import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { answerError, parseStatus } from './answer-errors.ts'
import { readText, type Transport } from './transport.ts'
import type { PodRequest } from './types.ts'

/** Answers to a load generator's request may take as long as its measurement. */
const SILENCE_TIMEOUT_MS = 15 * 60_000
const WITHOUT_BODY = [204, 205, 304]

/**
 * HTTP to a pod through the API server. A failure that the API server itself reports is thrown; one
 * that the pod answers is a Response like any other.
 */
export async function podRequest(transport: Transport, request: PodRequest): Promise<Response> {
  const { namespace, pod, port, path, method = 'GET', body, signal } = request
  const name = `${encodeURIComponent(pod)}:${port}`
  const answer = await transport.open({
    method,
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${name}/proxy${path}`,
    headers: { accept: '*/*', ...(body !== undefined && { 'content-type': 'application/json' }) },
    silenceTimeoutMs: SILENCE_TIMEOUT_MS,
    ...(body !== undefined && { body }),
    ...(signal && { signal }),
  })
  const status = answer.statusCode ?? 502
  const head = { status, headers: headersOf(answer) }
  if (WITHOUT_BODY.includes(status)) {
    answer.resume()
    return new Response(null, head)
  }
  if (status >= 400 && answer.headers['content-type']?.startsWith('application/json')) {
    const text = await readText(answer)
    if (parseStatus(text) !== undefined) throw answerError(status, text)
    return new Response(text, head)
  }
  return new Response(Readable.toWeb(answer) as ReadableStream, head)
}

export function podLogPath(ref: {
  readonly namespace: string
  readonly name: string
  readonly container?: string
  readonly tailLines?: number
}): string {
  const { namespace, name, container, tailLines } = ref
  const query = new URLSearchParams({
    ...(container && { container }),
    ...(tailLines !== undefined && { tailLines: String(tailLines) }),
  })
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`
  return `${path}/log?${query}`
}

function headersOf({ headers }: IncomingMessage): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    (Array.isArray(value) ? value : [value ?? '']).map((one) => [name, one]),
  )
}
