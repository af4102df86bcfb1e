import autocannon from 'autocannon'
import { LoadError } from './errors.ts'

export type AutocannonClient = autocannon.Client

export interface ClientOptions {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly connections: number
}

/**
 * The two private methods through which everything goes that autocannon would decide by itself: when
 * to send (its rate is a quota, not a pace) and when to reconnect (it does so at once and pairs later
 * answers with requests the old connection took along). Their replacement is this module's purpose;
 * the version is pinned, and a test runs against the installed one.
 */
const hooks = ['_doRequest', '_connect', '_destroyConnection'] as const

/**
 * Never: its timer runs on idle connections too, and on expiry reconnects. In seconds; the largest
 * that a Node timer takes.
 */
const neverSeconds = 2_000_000

/** Opens autocannon with as many clients as connections, each handed to `adopt` before it does anything. */
export function openClients(
  options: ClientOptions,
  adopt: (client: AutocannonClient) => void,
): { stop(): void } {
  const clients: AutocannonClient[] = []
  const instance = autocannon(
    {
      ...options,
      pipelining: 1,
      duration: neverSeconds,
      timeout: neverSeconds,
      skipAggregateResult: true,
      setupClient: (client) => {
        assertHooks(client)
        clients.push(client)
        adopt(client)
      },
    },
    () => {},
  )
  return {
    stop: () => {
      for (const client of clients) {
        // Without keep-alive one that has had no request yet has no connection, which autocannon assumes.
        if (client.conn === undefined) client._destroyConnection = () => {}
        client.destroy()
      }
      instance.stop()
    },
  }
}

export function assertHooks(client: AutocannonClient): void {
  const missing = hooks.filter((hook) => typeof client[hook] !== 'function')
  if (missing.length === 0) return
  throw new LoadError(
    'engine-changed',
    `autocannon no longer has ${missing.join(', ')}, so its requests cannot be paced`,
    'install the autocannon version that package.json pins',
  )
}
