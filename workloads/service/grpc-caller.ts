import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { type Endpoint, findService } from '../discovery.ts'
import type { Call } from '../script.ts'
import { type Caller, type CallerOptions, DownstreamError, type Headers } from './downstream.ts'
import {
  decodeGrpcMessage,
  grpcContentType,
  grpcMessage,
  grpcMethod,
  OneMessage,
} from './grpc-protocol.ts'

interface Kept {
  readonly session: ClientHttp2Session
  readonly bornMs: number
}

/** A server that leaves refuses what it has not begun; one that refuses everything must not keep us busy. */
const mostTries = 3

/** Node counts what waits to be sent; its 10 MB would fail large answers. */
const sessionMemoryMb = 1_024

/**
 * Makes unary gRPC calls, all calls to one service over one kept HTTP/2 connection, as gRPC clients
 * do: what spreads them over replicas is a proxy that tells requests apart, or nothing.
 */
export function createGrpcCaller(options: CallerOptions): Caller {
  const { env, timeoutMs, connectionLifeMs = Infinity } = options
  const sessions = new Map<string, Kept>()
  const messages = new Map<number, Buffer>()

  const messageOf = (bytes: number): Buffer => {
    const message = messages.get(bytes) ?? grpcMessage(bytes)
    messages.set(bytes, message)
    return message
  }

  const sessionTo = (endpoint: Endpoint): ClientHttp2Session => {
    const { host, port, authority } = endpoint
    const kept = sessions.get(authority)
    if (kept !== undefined && !kept.session.closed && !kept.session.destroyed) {
      if (performance.now() - kept.bornMs < connectionLifeMs) return kept.session
      kept.session.close()
    }
    const session = connect(`http://${authority}`, {
      createConnection: () => connectTcp({ host, port, noDelay: true }),
      maxSessionMemory: sessionMemoryMb,
    })
    // Each of its streams fails with the same error, which is told there.
    session.on('error', () => {})
    sessions.set(authority, { session, bornMs: performance.now() })
    return session
  }

  const attempt = async (call: Call, propagated: Headers, tries: number): Promise<void> => {
    const endpoint = findService(call.service, env)
    const session = sessionTo(endpoint)
    const stream = session.request({
      ':method': 'POST',
      ':path': call.path ?? grpcMethod,
      ':authority': endpoint.authority,
      'content-type': grpcContentType,
      te: 'trailers',
      ...propagated,
      ...call.headers,
    })
    stream.end(messageOf(call.requestBytes ?? 0))
    const answer = await answerOn(stream, timeoutMs)
    if (answer === 'timeout') {
      // Whoever does not even accept a connection would hold up all later calls too.
      if (session.connecting) session.destroy()
      throw new DownstreamError(503, `${call.service} unreachable: no answer in ${timeoutMs} ms`)
    }
    const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
    if (refused && tries < mostTries) return attempt(call, propagated, tries + 1)
    checkAnswer(call.service, answer)
  }
  return (call, propagated) => attempt(call, propagated, 1)
}

type Head = IncomingHttpHeaders & IncomingHttpStatusHeader

interface Answer {
  readonly head: Head
  readonly trailers: IncomingHttpHeaders
  readonly message: OneMessage
  readonly error: NodeJS.ErrnoException | undefined
}

function answerOn(stream: ClientHttp2Stream, timeoutMs: number): Promise<Answer | 'timeout'> {
  let head: Head = {}
  let trailers: IncomingHttpHeaders = {}
  let error: NodeJS.ErrnoException | undefined
  const message = new OneMessage()
  stream.on('response', (headers) => {
    head = headers
  })
  stream.on('trailers', (headers) => {
    trailers = headers
  })
  stream.on('data', (chunk: Buffer) => message.add(chunk))
  stream.on('error', (given: NodeJS.ErrnoException) => {
    error = given
  })
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve('timeout')
      stream.close(constants.NGHTTP2_CANCEL)
    }, timeoutMs)
    stream.once('close', () => {
      clearTimeout(timer)
      resolve({ head, trailers, message, error })
    })
  })
}

function checkAnswer(service: string, { head, trailers, message, error }: Answer): void {
  const httpStatus = head[':status']
  if (httpStatus === undefined) {
    throw new DownstreamError(503, `${service} unreachable: ${reasonOf(error)}`)
  }
  if (httpStatus !== 200) {
    throw new DownstreamError(502, `${service} answered ${httpStatus} instead of gRPC`)
  }
  const ending = trailers['grpc-status'] === undefined ? head : trailers
  const status = ending['grpc-status']
  if (status === undefined) throw new DownstreamError(503, `${service} broke off its answer`)
  if (status !== '0') {
    const why = decodeGrpcMessage(String(ending['grpc-message'] ?? ''))
    throw new DownstreamError(502, `${service} answered grpc-status ${status}: ${why}`)
  }
  const fault = message.fault()
  if (fault !== undefined) throw new DownstreamError(502, `${service} answered ${fault.message}`)
}

/** A stream that waited for its connection names the connection's error as cause. */
function reasonOf(error: NodeJS.ErrnoException | undefined): string {
  const cause = error?.cause as NodeJS.ErrnoException | undefined
  return cause?.code ?? error?.code ?? error?.message ?? 'the connection was closed'
}
