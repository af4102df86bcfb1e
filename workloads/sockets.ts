/**
 * Socket activation for applications run as local processes: the parent binds a listening socket and
 * sends it over the IPC channel. With `SOCKETS_FROM_PARENT=1` an application listens on HOST:PORT as
 * always and, besides, on every socket handed to it. Without it (a container in a real cluster) only
 * HOST:PORT exists.
 */
export type SocketCommand =
  /** Carries the bound socket as the message's handle; serve it like the application's own `port`. */
  | { readonly type: 'listen'; readonly id: string; readonly port: number }
  /** Stop accepting on it; connections already accepted live on. */
  | { readonly type: 'unlisten'; readonly id: string }

export type SocketReport =
  /** First message: the application listens on HOST:PORT. */
  | { readonly type: 'started' }
  | { readonly type: 'listening'; readonly id: string }
  | { readonly type: 'unlistened'; readonly id: string }
  | { readonly type: 'failed'; readonly id?: string; readonly message: string }
