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
export const MAX_FRAME_BYTES = MIB
export const windows = {
  streamWindowBytes: STREAM_WINDOW_BYTES,
  connectionWindowBytes: CONNECTION_WINDOW_BYTES,
  maxFrameBytes: MAX_FRAME_BYTES,
} as const

/** Streams one tunnel of a client carries before the pool opens another. */
export const POOL_MAX_STREAMS = 100
/** Streams a ztunnel lets a client open; a waypoint (Envoy) allows 100. */
export const SERVER_MAX_STREAMS = 200

export const CLIENT_HEADER_LIST_BYTES = 16 * KIB
export const SERVER_HEADER_LIST_BYTES = 64 * KIB
