import { constants, type Http2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'

/**
 * How to end HTTP/2 streams. Their events come out of nghttp2 while it reads a frame, and node 20
 * answers a reset in there by sending at once all that is queued (Http2Stream::SubmitRstStream). When that
 * closes the stream, nghttp2 goes on with memory that was freed. CANCEL alone is kept until it is done.
 */
export function resetStream(stream: Http2Stream, code: number): void {
  setImmediate(() => {
    if (!stream.closed) stream.close(code)
  })
}

/** Ends either kind of connection at once; a stream with CANCEL, which every peer takes for an end. */
export function destroySide(side: Duplex): void {
  if (isHttp2Stream(side)) side.close(constants.NGHTTP2_CANCEL)
  side.destroy()
}

function isHttp2Stream(side: Duplex): side is Http2Stream & Duplex {
  return 'rstCode' in side
}
