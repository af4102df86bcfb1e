import { parseScript, type Script } from '../script.ts'

/** What the generic service does, filled in once from its environment. */
export interface ServiceConfig {
  /** For error texts. */
  readonly name: string
  /** Undefined means every address. */
  readonly host: string | undefined
  readonly port: number
  /** What it is called by. */
  readonly protocol: 'http' | 'grpc'
  readonly script: Script
  readonly responseBytes: number
  /** Chance of answering 500, or status 13 in gRPC, after the script has run, 0..1. */
  readonly errorRate: number
  /** After this long without an answer a downstream call has failed. */
  readonly callTimeoutMs: number
  /** A kept connection older than this is not used for another call. */
  readonly connectionLifeMs: number
  readonly socketsFromParent: boolean
}

/** Throws an Error whose message names the variable and what it should hold. */
export function readServiceConfig(env: NodeJS.ProcessEnv): ServiceConfig {
  return {
    name: env.SERVICE_NAME ?? 'service',
    host: env.HOST === '' ? undefined : env.HOST,
    port: number(env, 'PORT', 8080, 65_535),
    protocol: protocol(env),
    script: parseScript(env.SCRIPT ?? '[]'),
    responseBytes: Math.floor(number(env, 'RESPONSE_BYTES', 0, 1 << 30)),
    errorRate: number(env, 'ERROR_RATE', 0, 1),
    connectionLifeMs: number(env, 'CONNECTION_LIFE_MS', Infinity, Infinity),
    callTimeoutMs: number(env, 'CALL_TIMEOUT_MS', 15_000, 600_000),
    socketsFromParent: env.SOCKETS_FROM_PARENT === '1',
  }
}

function protocol({ PROTOCOL: text = 'http' }: NodeJS.ProcessEnv): 'http' | 'grpc' {
  if (text === 'http' || text === 'grpc') return text
  throw new Error(`PROTOCOL must be http or grpc, not "${text}"`)
}

function number(env: NodeJS.ProcessEnv, name: string, fallback: number, most: number): number {
  const text = env[name]
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (!(value >= 0 && value <= most)) {
    throw new Error(`${name} must be a number within 0..${most}, not "${text}"`)
  }
  return value
}
