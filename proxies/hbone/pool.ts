import { setMaxListeners } from 'node:events'
import type { SocketAddress } from '../config/process.ts'
import { ProxyError } from '../errors.ts'
import type { Credential } from '../identity/certificates.ts'
import { connectMtls } from '../identity/client.ts'
import { HBONE_ALPN, POOL_MAX_STREAMS } from './settings.ts'
import { type ConnectRequest, StreamUnprocessed, Tunnel } from './tunnel.ts'
import type { TunnelStream } from './wire/tunnel-stream.ts'

/** ztunnel's POOL_UNUSED_RELEASE_TIMEOUT. */
const IDLE_TIMEOUT_MS = 5 * 60_000
/** A peer that says GOAWAY to every new tunnel is asked no more often than this. */
const MAX_DIALS = 3

/** Who goes where: everything that must be equal for two connections to share a tunnel. */
export interface TunnelTarget {
  readonly credential: Credential
  readonly expectedIdentities: readonly string[]
  readonly nextHop: SocketAddress
  /** Bound on our side, so that the peer sees the pod's address. */
  readonly sourceIp?: string
}

export interface PoolOptions {
  /** @default 100 */
  readonly maxStreams?: number
  /** @default 300_000 */
  readonly idleTimeoutMs?: number
  readonly connectTimeoutMs?: number
}

interface Slot {
  current: Tunnel | undefined
  dialling: Promise<Tunnel> | undefined
  idleTimer: NodeJS.Timeout | undefined
}

/**
 * HBONE connections for reuse (istio/ztunnel src/proxy/pool.rs).
 * - A tunnel serves one key only: source identity, expected identities, source IP, next hop.
 * - At most one tunnel per key takes new streams. The request that makes it full takes it out for
 *   good, even after its streams end.
 * - Of concurrent misses on a key one dials, the rest wait for it; other keys are not held up.
 * - A tunnel with GOAWAY or an error is never handed out again. A caller sees `MAX_DIALS` of them end
 *   before it could use them, then it fails.
 * - A tunnel without streams for `idleTimeoutMs` is closed.
 */
export class HbonePool {
  readonly #slots = new Map<string, Slot>()
  readonly #tunnels = new Set<Tunnel>()
  readonly #maxStreams: number
  readonly #idleTimeoutMs: number
  readonly #connectTimeoutMs: number | undefined
  readonly #closing = new AbortController()

  constructor(options: PoolOptions = {}) {
    this.#maxStreams = options.maxStreams ?? POOL_MAX_STREAMS
    this.#idleTimeoutMs = options.idleTimeoutMs ?? IDLE_TIMEOUT_MS
    this.#connectTimeoutMs = options.connectTimeoutMs
    // Every dial that is under way listens to it.
    setMaxListeners(0, this.#closing.signal)
  }

  /** Resolves after the peer's 200: from then on bytes reach the application behind it. */
  async open(
    target: TunnelTarget,
    request: ConnectRequest,
    signal?: AbortSignal,
  ): Promise<TunnelStream> {
    const key = keyOf(target)
    for (let attempt = 0; ; attempt += 1) {
      const tunnel = await this.#take(key, target)
      try {
        return await tunnel.open(request, signal)
      } catch (error) {
        // It crossed the peer's GOAWAY. Another refusal by a fresh tunnel is the peer's answer.
        if (!(error instanceof StreamUnprocessed) || attempt > 0) throw error
      }
    }
  }

  /** Tunnels alive now, for tests and `/config_dump`. */
  get size(): number {
    return this.#tunnels.size
  }

  /** Ends every tunnel and the streams in them. */
  close(): void {
    this.#closing.abort(new Error('the pool is closed'))
    for (const slot of this.#slots.values()) clearTimeout(slot.idleTimer)
    this.#slots.clear()
    for (const tunnel of this.#tunnels) tunnel.destroy()
  }

  /** The tunnel comes with a stream reserved, so that the count is exact across awaits. */
  async #take(key: string, target: TunnelTarget): Promise<Tunnel> {
    const slot = this.#slot(key)
    for (let ended = 0; ended < MAX_DIALS; ) {
      const { current } = slot
      if (current?.usable) {
        clearTimeout(slot.idleTimer)
        current.reserve()
        if (current.active >= this.#maxStreams) slot.current = undefined
        return current
      }
      slot.dialling ??= this.#dial(slot, target).finally(() => {
        slot.dialling = undefined
      })
      const fresh = await slot.dialling
      if (!fresh.usable) ended += 1
    }
    const { host, port } = target.nextHop
    throw new ProxyError('TUNNEL_REFUSED', `${host}:${port} ends every tunnel at once`)
  }

  async #dial(slot: Slot, target: TunnelTarget): Promise<Tunnel> {
    const socket = await connectMtls({
      address: target.nextHop,
      credential: target.credential,
      expectedIdentities: target.expectedIdentities,
      alpn: HBONE_ALPN,
      ...(target.sourceIp ? { localAddress: target.sourceIp } : {}),
      ...(this.#connectTimeoutMs ? { timeoutMs: this.#connectTimeoutMs } : {}),
      signal: this.#closing.signal,
    })
    const tunnel = Tunnel.over(socket, {
      onIdle: (idle) => this.#idle(slot, idle),
      onClosing: (closing) => {
        this.#tunnels.delete(closing)
        if (slot.current === closing) slot.current = undefined
      },
    })
    this.#tunnels.add(tunnel)
    slot.current = tunnel
    return tunnel
  }

  #idle(slot: Slot, tunnel: Tunnel): void {
    if (slot.current !== tunnel) {
      tunnel.retire()
      return
    }
    clearTimeout(slot.idleTimer)
    slot.idleTimer = setTimeout(() => {
      if (slot.current === tunnel && tunnel.active === 0) {
        slot.current = undefined
        tunnel.retire()
      }
    }, this.#idleTimeoutMs).unref()
  }

  #slot(key: string): Slot {
    let slot = this.#slots.get(key)
    if (!slot) {
      slot = { current: undefined, dialling: undefined, idleTimer: undefined }
      this.#slots.set(key, slot)
    }
    return slot
  }
}

function keyOf({ credential, expectedIdentities, sourceIp, nextHop }: TunnelTarget): string {
  const expected = [...expectedIdentities].sort().join(',')
  return `${credential.identity}|${expected}|${sourceIp ?? ''}|${nextHop.host}|${nextHop.port}`
}
