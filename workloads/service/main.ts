/**
 * The generic service every topology is made of, called by HTTP/1.1 or gRPC. Configured by environment: HOST, PORT,
 * SERVICE_NAME, PROTOCOL, SCRIPT, RESPONSE_BYTES, ERROR_RATE, CALL_TIMEOUT_MS, CONNECTION_LIFE_MS, SOCKETS_FROM_PARENT, PROCESS_TITLE.
 */
import { serve } from '../serve.ts'
import { readServiceConfig, type ServiceConfig } from './config.ts'
import { createGrpcServer } from './grpc-server.ts'
import { createServiceServer } from './server.ts'

function configOrExit(): ServiceConfig {
  try {
    return readServiceConfig(process.env)
  } catch (error) {
    process.stderr.write(`service: ${(error as Error).message}\n`)
    process.exit(2)
  }
}

const config = configOrExit()
if (process.env.PROCESS_TITLE !== undefined) process.title = process.env.PROCESS_TITLE
const createServer = config.protocol === 'grpc' ? createGrpcServer : createServiceServer
serve({
  ...config,
  ...createServer(config, process.env),
  parent: process,
  exit: (code) => process.exit(code),
})
