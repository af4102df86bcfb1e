/** autocannon brings no types. Only what autocannon-client.ts uses, private members included. */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events'
  import type { Socket } from 'node:net'

  interface Client extends EventEmitter {
    conn?: Socket
    readonly parser: {
      readonly type: string
      execute(chunk: Buffer): number | Error
      reinitialize(type: string): void
      finish(): Error | undefined
    }
    readonly pipelinedRequests: {
      insertRequest(request: object): void
      addBody(chunk: Buffer): void
      terminateRequest(): object | undefined
    }
    readonly requestIterator: {
      readonly currentRequest: { requestBuffer: Buffer }
      nextRequest(): object
    }
    destroy(): void
    _connect(): void
    _doRequest(): void
    _destroyConnection(): void
  }

  interface Instance extends EventEmitter {
    stop(): void
  }

  interface Options {
    readonly url: string
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: Buffer
    readonly connections: number
    readonly pipelining: number
    /** Seconds. */
    readonly duration: number
    /** Seconds. */
    readonly timeout: number
    /** No summary of its own: nobody reads it. */
    readonly skipAggregateResult: boolean
    readonly setupClient: (client: Client) => void
  }

  function autocannon(options: Options, done: (error: Error | null) => void): Instance
  // biome-ignore lint/style/noNamespace: the one way to give a CommonJS function's module types too.
  namespace autocannon {
    export type { Client, Instance, Options }
  }
  export = autocannon
}
