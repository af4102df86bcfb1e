import type { ClientSessionOptions, ServerOptions, Settings } from 'node:http2'

export const HBONE_PORT = 15_008
export const HBONE_ALPN = ['h2'] as const

const KIB = 1024
const MIB = 1024 * KIB

/**
 * istio/ztunnel src/config.rs. The connection window is four stream windows, so that a few streams
 * whose reader is slow cannot starve the others of one tunnel.
 */
export const STREAM_WINDOW_BYTES = 4 * MIB
export const CONNECTION_WINDOW_BYTES = 16 * MIB
const MAX_FRAME_BYTES = MIB

/** Streams one tunnel of a client carries before the pool opens another. */
export const POOL_MAX_STREAMS = 100
/** Streams a ztunnel lets a client open; a waypoint (Envoy) allows 100. */
export const SERVER_MAX_STREAMS = 200

/** node counts what it buffers for all streams of a session and its default of 10 MB is below two windows. */
const MAX_SESSION_MEMORY_MB = 1024

const common: Settings = {
  initialWindowSize: STREAM_WINDOW_BYTES,
  maxFrameSize: MAX_FRAME_BYTES,
}

export const clientSessionOptions: ClientSessionOptions = {
  settings: { ...common, enablePush: false, maxHeaderListSize: 16 * KIB },
  // Assumed until the server's SETTINGS arrive; beyond the real limit nghttp2 queues the request.
  peerMaxConcurrentStreams: POOL_MAX_STREAMS,
  maxSessionMemory: MAX_SESSION_MEMORY_MB,
}

export function serverSessionOptions(maxConcurrentStreams: number): ServerOptions {
  return {
    settings: { ...common, maxConcurrentStreams, maxHeaderListSize: 64 * KIB },
    maxSessionMemory: MAX_SESSION_MEMORY_MB,
  }
}
