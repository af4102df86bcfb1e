import type { RequestHandler } from '../../proxies/http/codec.ts'
import type { ServerConnection } from '../../proxies/http/server-connection.ts'

/** Answers each request with what `start` sends, once the request is whole. */
export function answering(connection: ServerConnection, start: () => void): RequestHandler {
  const nothing = (): void => {}
  return {
    start,
    requestData: nothing,
    requestEnd: () => {
      connection.sendEnd('')
      connection.finishResponse()
    },
    requestAborted: nothing,
    downstreamDrained: nothing,
    flushRequest: nothing,
  }
}
