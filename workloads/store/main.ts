/**
 * The store: a TCP service that speaks first, see protocol.ts. Configured by environment: HOST, PORT,
 * SOCKETS_FROM_PARENT, PROCESS_TITLE.
 */
import { serve } from '../serve.ts'
import { createStoreServer } from './server.ts'

const { env } = process
if (env.PROCESS_TITLE !== undefined) process.title = env.PROCESS_TITLE
const port = Number(env.PORT ?? 7000)
if (!(Number.isInteger(port) && port >= 0 && port < 65_536)) {
  process.stderr.write(`store: PORT must be a port number, not "${env.PORT}"\n`)
  process.exit(2)
}
serve({
  ...createStoreServer(),
  host: env.HOST === '' ? undefined : env.HOST,
  port,
  socketsFromParent: env.SOCKETS_FROM_PARENT === '1',
  parent: process,
  exit: (code) => process.exit(code),
})
