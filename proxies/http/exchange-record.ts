import { performance } from 'node:perf_hooks'
import type { Upstream } from './cluster.ts'
import type { UpstreamConnection } from './codec.ts'
import { grpcReply } from './grpc.ts'
import type { RequestHead } from './head.ts'
import type { Reply } from './reply.ts'
import type { Plan } from './rules.ts'
import { Tries } from './tries.ts'

/** What telemetry and header rules may know of one request; complete once it is over. */
export class ExchangeRecord {
  readonly request: RequestHead
  readonly startedMs = performance.now()
  requestBytes = 0
  responseBytes = 0
  /** What the client was answered; 0 when it got nothing. */
  status = 0
  flags = '-'
  upstreamServiceMs = 0
  /** Undefined unless the request is gRPC; empty until its status is known. */
  grpcStatus: string | undefined
  durationMs = 0
  /** Of an endpoint's answer; 0 without one. */
  responseHeadBytes = 0
  /** What the client got in place of an endpoint's answer. */
  reply: Reply | undefined
  /** Why the last connection that was wanted could not be made. */
  failure: unknown
  plan: Plan = UNPLANNED
  /** The head as it was sent on. */
  lines = ''
  /** The last one it was sent on. */
  connection: UpstreamConnection | undefined
  protected readonly tries = new Tries()

  constructor(request: RequestHead) {
    this.request = request
  }

  /** This is what the client gets instead of an endpoint's answer; gRPC has a form of its own. */
  protected noteReply(reply: Reply): Reply {
    this.reply = reply
    const given = this.grpcStatus === undefined ? reply : grpcReply(reply)
    this.status = given.status
    this.flags = given.flags
    this.grpcStatus = given.grpcStatus
    this.responseBytes = given.body.length
    return given
  }

  /** Which endpoint answered, or was tried last. */
  get target(): Upstream | undefined {
    return this.tries.target
  }

  get attempts(): number {
    return this.tries.count
  }
}

const UNPLANNED: Plan = { cluster: { name: '', upstreams: [] } }
