import {
  constants,
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { ServiceConfig } from './config.ts'
import { DownstreamError } from './downstream.ts'
import {
  encodeGrpcMessage,
  type GrpcFault,
  grpcContentType,
  grpcMessage,
  grpcMethod,
  grpcStatus,
  OneMessage,
} from './grpc-protocol.ts'
import { createProbedServer } from './probed-server.ts'
import { createReach } from './reach.ts'
import { runScript } from './run-script.ts'
import type { ServiceServer } from './server.ts'
import { propagatedHeaders } from './tracing.ts'

/** A client learns from the first GOAWAY that it should go; what it had under way then still counts. */
const farewellMs = 500

/** The highest stream there can be: nothing is refused yet (RFC 9113, section 6.8). */
const anyStream = 2 ** 31 - 1

/** Node counts what waits to be sent; its 10 MB would refuse calls under large answers. */
const sessionMemoryMb = 1_024

/** The service as a gRPC server: HTTP/2 without TLS, and on the same port the health check of kubelets. */
export function createGrpcServer(config: ServiceConfig, env: NodeJS.ProcessEnv): ServiceServer {
  const reach = createReach(config, env)
  const answer = grpcMessage(config.responseBytes)
  const sessions = new Set<ServerHttp2Session>()
  let draining = false

  const outcome = async (headers: IncomingHttpHeaders): Promise<GrpcFault | undefined> => {
    try {
      await runScript(config.script, reach, propagatedHeaders(headers))
    } catch (error) {
      return { status: statusOf(error), message: `${config.name}: ${(error as Error).message}` }
    }
    if (config.errorRate === 0 || Math.random() >= config.errorRate) return undefined
    const message = `${config.name}: error on purpose (ERROR_RATE)`
    return { status: grpcStatus.internal, message }
  }

  const serveCall = async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const fault = await outcome(headers)
    if (stream.destroyed || stream.closed) return
    if (fault === undefined) succeed(stream, answer)
    else fail(stream, fault)
  }

  const http2 = createHttp2Server({ maxSessionMemory: sessionMemoryMb })
  http2.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    if (draining) farewell(session)
  })
  http2.on('stream', (stream, headers) => {
    const request = new OneMessage()
    // The client gave up or is gone; nobody is left to be told.
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => request.add(chunk))
    stream.once('end', () => {
      if (stream.destroyed || stream.closed) return
      const fault = isGrpc(headers) ? (unknownMethod(headers) ?? request.fault()) : undefined
      if (!isGrpc(headers)) stream.respond({ ':status': 415 }, { endStream: true })
      else if (fault !== undefined) fail(stream, fault)
      else void serveCall(stream, headers)
    })
  })

  return {
    server: createProbedServer(http2, () => draining),
    startDraining: () => {
      draining = true
      for (const session of sessions) farewell(session)
    },
  }
}

function farewell(session: ServerHttp2Session): void {
  session.goaway(constants.NGHTTP2_NO_ERROR, anyStream)
  setTimeout(() => session.close(), farewellMs).unref()
}

function succeed(stream: ServerHttp2Stream, message: Buffer): void {
  stream.once('wantTrailers', () => {
    if (!stream.destroyed && !stream.closed) stream.sendTrailers({ 'grpc-status': grpcStatus.ok })
  })
  stream.respond({ 'content-type': grpcContentType }, { waitForTrailers: true })
  stream.end(message)
}

/** Head and trailers in one, as for every call that has no message to answer. */
function fail(stream: ServerHttp2Stream, { status, message }: GrpcFault): void {
  const head = {
    'content-type': grpcContentType,
    'grpc-status': status,
    'grpc-message': encodeGrpcMessage(message),
  }
  stream.respond(head, { endStream: true })
}

function statusOf(error: unknown): number {
  if (!(error instanceof DownstreamError)) return grpcStatus.unknown
  return error.status === 503 ? grpcStatus.unavailable : grpcStatus.internal
}

function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith(grpcContentType) === true
}

function unknownMethod(headers: IncomingHttpHeaders): GrpcFault | undefined {
  const path = headers[':path']
  if (path === grpcMethod) return undefined
  return { status: grpcStatus.unimplemented, message: `no method ${path}; known is ${grpcMethod}` }
}
