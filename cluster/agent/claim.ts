import { createServer, type Server } from 'node:net'

/** A listening socket that says "taken" to other clusters; undefined when it is taken already. */
export function tryClaim(host: string, port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', () => resolve(undefined))
    // A claim alone should not keep a process running.
    server.listen({ host, port, exclusive: true }, () => resolve(server.unref()))
  })
}

export function dropClaim(claim: Server): Promise<void> {
  return new Promise((resolve) => claim.close(() => resolve()))
}
