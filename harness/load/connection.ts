import type { AutocannonClient } from './autocannon-client.ts'
import { nowUs } from './clock.ts'
import type { LoadRequest, Outcome } from './request.ts'
import { turnBeganUs } from './turn.ts'

export interface ConnectionOptions {
  readonly keepAlive: boolean
  readonly timeoutMs: number
  /**
   * A request on a kept connection that is closed before a byte of the answer is sent again, as clients
   * with connection pools do (https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1). @default false
   */
  readonly retryStale?: boolean
}

/** What a connection tells its pool. */
export interface ConnectionEvents {
  /** It takes a request now. */
  free(connection: Connection): void
  /** `cause` only where the outcome leaves it open. */
  settled(request: LoadRequest, outcome: Outcome, atUs: number, bytes: number, cause?: string): void
  /** Its connection had been closed before it came: it is to be sent again. */
  stale(request: LoadRequest): void
  opened(): void
  /** The other side ended it without having said so. */
  closedEarly(): void
  /** An attempt to connect on which no request depended has failed. */
  attemptFailed(): void
  /** It waits before it tries again. */
  paused(): void
}

type State = 'new' | 'connecting' | 'free' | 'busy' | 'paused' | 'stopped'

/** Pause before the next attempt to connect: doubles with every failure in a row. */
const shortestPauseMs = 10
const longestPauseMs = 250

/** A connection that lived this long was no failure, even if it served nothing. */
const livedLongMs = 1_000

/**
 * One connection, driven through an autocannon client whose own decisions are taken away. Holds:
 * - at most one request at a time, settled exactly once;
 * - an answer is only ever paired with the request it belongs to: whenever a connection ends, the
 *   client's pending requests and parser start afresh with the next one;
 * - without keep-alive a connection exists only while a request is on it.
 */
export class Connection {
  /** The pool's mark: it stands in the line of free connections. */
  listed = false

  readonly #client: AutocannonClient
  readonly #connect: () => void
  readonly #write: () => void
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  #state: State = 'new'
  #request: LoadRequest | undefined
  #connected = false
  #since = 0
  #error: NodeJS.ErrnoException | undefined
  /** Why the last attempt to connect failed. */
  downCause: string | undefined
  /** The server lets the connection live after the answer at hand. */
  #mayStay = true
  #served = false
  #bytesAtSend = 0
  /** Reads of the answer at hand, and when the bytes of the last were there. */
  #reads = 0
  #readableUs = 0
  #failures = 0
  #pause: NodeJS.Timeout | undefined

  constructor(client: AutocannonClient, options: ConnectionOptions, events: ConnectionEvents) {
    this.#client = client
    this.#options = options
    this.#events = events
    this.#connect = client._connect.bind(client)
    this.#write = client._doRequest.bind(client)
    // autocannon asks for a request after every answer and on connecting; ours come from the pool.
    client._doRequest = () => {}
    // Called at the end of the client's construction, and whenever its connection ended or failed.
    client._connect = () => (this.#state === 'new' ? this.#begin() : this.#lost())
    this.#guardAnswers()
    client.on('connError', (error: NodeJS.ErrnoException) => {
      this.#error = error
    })
    client.on('headers', ({ shouldKeepAlive }: { shouldKeepAlive: boolean }) => {
      this.#mayStay = shouldKeepAlive
    })
    client.on('response', (status: number, bytes: number) => this.#answered(status, bytes))
  }

  get isFree(): boolean {
    return this.#state === 'free'
  }

  /** Attempts to connect fail: nothing should wait for it. */
  get isDown(): boolean {
    return this.#state === 'paused' && (this.#failures > 1 || !this.#connected)
  }

  get isConnecting(): boolean {
    return this.#state === 'connecting'
  }

  get request(): LoadRequest | undefined {
    return this.#request
  }

  /** When the request, or the attempt to connect, has taken too long. */
  get deadlineUs(): number {
    if (this.#request !== undefined) return this.#request.sentUs + this.#options.timeoutMs * 1e3
    return this.#state === 'connecting' ? this.#since + this.#options.timeoutMs * 1e3 : Infinity
  }

  /** Only when free. */
  send(request: LoadRequest): void {
    this.#request = request
    request.sentUs = nowUs()
    if (!this.#options.keepAlive) this.#open()
    this.#state = 'busy'
    this.#bytesAtSend = this.#client.conn?.bytesRead ?? 0
    this.#reads = 0
    this.#write()
  }

  /** Gives up what has passed its deadline. */
  expire(now: number): void {
    const deadline = this.deadlineUs
    if (deadline > now) return
    const request = this.#request
    if (request === undefined) {
      this.#lost()
    } else if (this.#connected) {
      this.#drop()
      this.#settle(request, 'timeout', deadline, 0)
      this.#reopen()
    } else {
      this.#drop()
      this.#settle(request, 'connectFailed', deadline, 0, 'ETIMEDOUT')
      this.#reopenLater()
    }
  }

  /** For good; a request still on it is not settled. */
  stop(): void {
    this.#state = 'stopped'
    clearTimeout(this.#pause)
  }

  #begin(): void {
    const { currentRequest } = this.#client.requestIterator
    if (!this.#options.keepAlive) {
      currentRequest.requestBuffer = withConnectionClose(currentRequest.requestBuffer)
    }
    this.#reopen()
  }

  /** The parser takes every byte for an answer, even one that nobody asked for. */
  #guardAnswers(): void {
    const { parser, pipelinedRequests, requestIterator } = this.#client
    const terminate = pipelinedRequests.terminateRequest.bind(pipelinedRequests)
    pipelinedRequests.terminateRequest = () => terminate() ?? { headers: {} }
    // Bodies are counted, not kept: autocannon would turn each chunk into a string.
    pipelinedRequests.addBody = () => {}
    // One request for all: stepping to the next would copy a context every time.
    requestIterator.nextRequest = () => requestIterator.currentRequest
    const execute = parser.execute.bind(parser)
    parser.execute = (chunk) => {
      // Later pieces may have come since the turn began.
      this.#readableUs = this.#reads === 0 ? turnBeganUs() : nowUs()
      this.#reads += 1
      const parsed = execute(chunk)
      if (parsed instanceof Error) {
        this.#error = Object.assign(parsed, { code: 'bad-answer' })
        this.#lost()
      }
      return parsed
    }
  }

  #open(): void {
    const client = this.#client
    this.#connected = false
    this.#served = false
    this.#mayStay = true
    this.#error = undefined
    this.#since = nowUs()
    this.#state = 'connecting'
    client.parser.reinitialize(client.parser.type)
    this.#connect()
    const socket = client.conn
    socket?.setNoDelay(true)
    socket?.once('connect', () => {
      if (client.conn !== socket) return
      this.#connected = true
      this.downCause = undefined
      this.#events.opened()
      if (this.#state === 'connecting') this.#becomeFree()
    })
  }

  #answered(status: number, bytes: number): void {
    const request = this.#request
    if (request === undefined) return
    const atUs = this.#readableUs
    if (status >= 100 && status < 200) {
      // Interim (RFC 9110 section 15.2): the answer is still to come.
      const { pipelinedRequests, requestIterator } = this.#client
      pipelinedRequests.insertRequest(requestIterator.currentRequest)
      return
    }
    const late = this.deadlineUs < atUs
    const outcome = late ? 'timeout' : status >= 200 && status < 300 ? 'ok' : 'non2xx'
    this.#served = true
    this.#failures = 0
    const cause = outcome === 'non2xx' ? String(status) : undefined
    this.#settle(request, outcome, late ? this.deadlineUs : atUs, bytes, cause)
    if (this.#mayStay && this.#options.keepAlive) {
      this.#becomeFree()
    } else {
      this.#drop()
      this.#reopen()
    }
  }

  /** The other side ended the connection, or it could not be made. */
  #lost(): void {
    if (this.#state === 'stopped' || this.#state === 'paused') return
    // An answer without a length ends with the connection (RFC 9112 section 6.3).
    const request = this.#request
    if (request !== undefined && this.#error === undefined) {
      this.#readableUs = nowUs()
      this.#client.parser.finish()
      if (this.#request !== request) return
    }
    const attempt = !this.#connected
    const livedMs = (nowUs() - this.#since) / 1e3
    const cause = this.#error === undefined ? 'closed' : (this.#error.code ?? this.#error.message)
    if (attempt) this.downCause = cause
    const stale = !attempt && this.#isStale()
    this.#drop()
    if (request !== undefined && stale) {
      this.#request = undefined
      this.#events.stale(request)
    } else if (request !== undefined)
      this.#settle(request, attempt ? 'connectFailed' : 'reset', nowUs(), 0, cause)
    else if (attempt) this.#events.attemptFailed()
    if (!attempt) this.#events.closedEarly()
    if (this.#served || (!attempt && livedMs > livedLongMs)) this.#reopen()
    else this.#reopenLater()
  }

  #isStale(): boolean {
    const { retryStale, keepAlive } = this.#options
    const untouched = this.#client.conn?.bytesRead === this.#bytesAtSend
    return retryStale === true && keepAlive && this.#served && untouched
  }

  #drop(): void {
    this.#client._destroyConnection()
  }

  #reopen(): void {
    if (this.#options.keepAlive) this.#open()
    else this.#becomeFree()
  }

  #reopenLater(): void {
    this.#failures += 1
    this.#state = 'paused'
    const pauseMs = Math.min(shortestPauseMs * 2 ** (this.#failures - 1), longestPauseMs)
    this.#pause = setTimeout(() => this.#reopen(), pauseMs)
    this.#events.paused()
  }

  #becomeFree(): void {
    this.#state = 'free'
    this.#events.free(this)
  }

  #settle(
    request: LoadRequest,
    outcome: Outcome,
    atUs: number,
    bytes: number,
    cause?: string,
  ): void {
    this.#request = undefined
    this.#events.settled(request, outcome, atUs, bytes, cause)
  }
}

/** autocannon writes `Connection: keep-alive` into every head. */
function withConnectionClose(request: Buffer): Buffer {
  const end = request.indexOf('\r\n\r\n')
  const head = request
    .toString('latin1', 0, end)
    .replace(/^Connection: keep-alive$/m, 'Connection: close')
  return Buffer.concat([Buffer.from(head, 'latin1'), request.subarray(end)])
}
