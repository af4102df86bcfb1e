/**
 * The load generator program: carries out plans that come to its control port. Configured by
 * environment: HOST, PORT, SOCKETS_FROM_PARENT, PROCESS_TITLE and `<NAME>_SERVICE_HOST`/`_PORT` of
 * what it is to call.
 */
import { serve } from '../../workloads/serve.ts'
import { createControlServer } from './control.ts'

const { env } = process
if (env.PROCESS_TITLE !== undefined) process.title = env.PROCESS_TITLE
const control = createControlServer(env)
serve({
  server: control.server,
  startDraining: control.stop,
  host: env.HOST,
  port: Number(env.PORT ?? 8080),
  socketsFromParent: env.SOCKETS_FROM_PARENT === '1',
  parent: process,
  exit: (code) => process.exit(code),
})
