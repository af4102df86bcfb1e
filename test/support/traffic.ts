import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { SocketAddress } from '../../proxies/config/process.ts'

/** Requests to an echo application, some on connections that last and some on one each. */
export interface Traffic {
  readonly failures: readonly string[]
  answered(): number
  /** Resolves after so many further answers or the first failure. */
  progress(answers: number): Promise<void>
  /** Lets every request that was begun finish. */
  stop(): Promise<void>
}

const KEPT_CONNECTIONS = 16
/** At most 16 x 33 requests/s on kept connections and 500 on fresh ones. */
const KEPT_PAUSE_MS = 30
const FRESH_PAUSE_MS = 2
const MESSAGE_BYTES = 64
const PATIENCE_MS = 10_000

export interface TrafficOptions {
  /** Requests on one kept connection; then it is closed and another one made. */
  readonly requestsPerConnection?: number
}

export function startTraffic(address: SocketAddress, options: TrafficOptions = {}): Traffic {
  const { requestsPerConnection = Number.POSITIVE_INFINITY } = options
  const failures: string[] = []
  let answered = 0
  let sent = 0
  let stopped = false
  let wake = (): void => {}

  const request = async (socket: Socket): Promise<void> => {
    if (socket.destroyed) throw new Error('ended between two requests')
    sent += 1
    const message = `${sent}`.padEnd(MESSAGE_BYTES, '.')
    socket.write(message)
    let answer = ''
    while (answer.length < MESSAGE_BYTES) {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      answer += String((await once(socket, 'data', { signal }))[0])
    }
    if (answer !== message) throw new Error(`asked ${message}, got ${answer}`)
    answered += 1
    wake()
  }
  const attempt = async (kind: string, requests: number): Promise<void> => {
    const socket = connect({ ...address, noDelay: true }).on('error', () => {})
    socket.on('end', () => {
      if (!socket.writableEnded) socket.destroy(new Error('ended by the other side'))
    })
    const ended = new Promise((resolve) => socket.once('close', resolve))
    try {
      for (let n = 0; n < requests && !(stopped && n > 0); n += 1) {
        await request(socket)
        if (requests > 1) await delay(KEPT_PAUSE_MS)
      }
      socket.end()
      await ended
    } catch (error) {
      failures.push(`${kind}: ${error instanceof Error ? error.message : error}`)
      socket.destroy()
      wake()
    }
  }
  const kept = Array.from({ length: KEPT_CONNECTIONS }, async () => {
    while (!stopped && failures.length === 0) await attempt('kept', requestsPerConnection)
  })
  const fresh = (async () => {
    const running = new Set<Promise<void>>()
    while (!stopped && failures.length === 0) {
      const one = attempt('fresh', 1).finally(() => running.delete(one))
      running.add(one)
      await delay(FRESH_PAUSE_MS)
    }
    await Promise.all(running)
  })()
  return {
    failures,
    answered: () => answered,
    progress: async (answers) => {
      const goal = answered + answers
      while (answered < goal && failures.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    stop: async () => {
      stopped = true
      await Promise.all([...kept, fresh])
    },
  }
}
