import type { ServiceConfig } from './config.ts'
import { type Caller, createCaller } from './downstream.ts'
import { createGrpcCaller } from './grpc-caller.ts'
import { type Asker, createAsker } from './line-client.ts'

/** How a script reaches other services. */
export interface Reach {
  readonly caller: Caller
  readonly asker: Asker
}

export function createReach(config: ServiceConfig, env: NodeJS.ProcessEnv): Reach {
  const { callTimeoutMs: timeoutMs, connectionLifeMs } = config
  const options = { env, timeoutMs, connectionLifeMs }
  const overHttp = createCaller(options)
  const overGrpc = createGrpcCaller(options)
  return {
    caller: (call, propagated) =>
      call.protocol === 'grpc' ? overGrpc(call, propagated) : overHttp(call, propagated),
    asker: createAsker(options),
  }
}
