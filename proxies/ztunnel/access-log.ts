import { formatAuthority } from '../hbone/authority.ts'
import { type LogFields, type LogLevel, log, logLimited, logSettings } from '../telemetry/log.ts'
import type { ConnectionFacts } from './connections.ts'

export interface ConnectionEnd {
  /** As the application socket counted them. */
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly durationMs: number
  readonly error: string | undefined
}

/** ztunnel's one line per connection, with its field names (istio/ztunnel src/proxy/metrics.rs). */
export function logAccess(facts: ConnectionFacts, end: ConnectionEnd): void {
  write(end.error ? 'error' : 'info', 'connection complete', {
    ...accessFields(facts),
    bytes_sent: end.bytesRead,
    bytes_recv: end.bytesWritten,
    duration: `${Math.round(end.durationMs)}ms`,
    error: end.error,
  })
}

/** At level debug, as in ztunnel: before anything is dialled. */
export function logOpened(facts: ConnectionFacts): void {
  if (logSettings().level === 'debug') {
    log('debug', 'access', 'connection opened', accessFields(facts))
  }
}

/** Dropped before a route was decided: nothing more is known than the two addresses. */
export function logDropped(
  direction: ConnectionFacts['direction'],
  fields: { readonly from: string; readonly to: string; readonly error: string },
): void {
  write('warn', 'connection failed', {
    'src.addr': fields.from,
    'dst.addr': fields.to,
    direction,
    error: fields.error,
  })
}

export function accessFields(facts: ConnectionFacts): LogFields {
  const { peers } = facts
  return {
    'src.addr': facts.sourceAddress,
    'src.workload': peers.source?.name,
    'src.namespace': peers.source?.namespace,
    'src.identity': peers.sourceIdentity,
    'src.cluster': peers.source?.clusterId,
    'dst.addr': formatAuthority(facts.nextHop),
    'dst.hbone_addr': facts.authority,
    'dst.service': peers.service?.hostname,
    'dst.workload': peers.destination?.name,
    'dst.namespace': peers.destination?.namespace,
    'dst.identity': peers.destinationIdentity,
    'dst.cluster': peers.destination?.clusterId,
    direction: facts.direction,
  }
}

export function logFailed(fields: LogFields): void {
  write('warn', 'connection failed', fields)
}

function write(level: LogLevel, message: string, fields: LogFields): void {
  if (level === 'info') log(level, 'access', message, fields)
  else logLimited(level, 'access', message, fields)
}
