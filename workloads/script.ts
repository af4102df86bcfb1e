/**
 * What a service does for every request before it answers: steps one after the other, a list as a
 * step meaning its commands at the same time (such lists do not nest). The vocabulary is that of
 * Istio's isotope graphs, so that those can be carried: https://github.com/istio/tools/tree/master/isotope
 */
export type Script = readonly Step[]

export type Step = Command | readonly Command[]

export type Command = CallCommand | AskCommand | WorkCommand | SleepCommand

export interface CallCommand {
  readonly call: Call
}

/** One line to a service that speaks the protocol of store/protocol.ts over plain TCP, and its reply. */
export interface AskCommand {
  readonly ask: Ask
}

/** Burns this much CPU time, not wall time: a busy machine makes it slower, never cheaper. */
export interface WorkCommand {
  readonly work: { readonly cpuUs: number }
}

export interface SleepCommand {
  readonly sleep: { readonly ms: number }
}

export interface Call {
  /** Service name, found as `<NAME>_SERVICE_HOST`/`_PORT`, else as DNS name; `name:port` is taken too. */
  readonly service: string
  /** As what the service is called. @default 'http' */
  readonly protocol?: 'http' | 'grpc'
  /** @default '/', in gRPC the method that services of this program have */
  readonly path?: string
  /** Above 0 the request is a POST with a body of this size, in gRPC the payload of the message. @default 0 */
  readonly requestBytes?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Chance that the call is made at all, 0..1. @default 1 */
  readonly probability?: number
}

export interface Ask {
  /** As for a call. */
  readonly service: string
  readonly line: string
}

/** Services that a script turns to, without ports. */
export function servicesIn(script: Script): string[] {
  const names = script
    .flat()
    .flatMap((command) =>
      'call' in command ? command.call.service : 'ask' in command ? command.ask.service : [],
    )
  return [...new Set(names.map((name) => name.replace(/:\d+$/, '')))]
}

/** Reads SCRIPT. Throws with the place and the reason: `step 2: call.service must be a name`. */
export function parseScript(json: string): Script {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new Error(`SCRIPT is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (!Array.isArray(value)) throw new Error('SCRIPT must be a JSON list of steps')
  return value.map((step: unknown, index) => {
    const place = `SCRIPT step ${index + 1}`
    return Array.isArray(step)
      ? step.map((command, inner) => parseCommand(command, `${place}.${inner + 1}`))
      : parseCommand(step, place)
  })
}

function parseCommand(value: unknown, place: string): Command {
  if (Array.isArray(value)) throw new Error(`${place}: lists of concurrent commands do not nest`)
  const entries = Object.entries(object(value, place))
  const [kind, argument] = entries[0] ?? []
  if (entries.length !== 1 || kind === undefined) {
    throw new Error(`${place}: a command has exactly one key: call, ask, work or sleep`)
  }
  const fields = object(argument, `${place}: ${kind}`)
  if (kind === 'call') return { call: parseCall(fields, place) }
  if (kind === 'ask') return { ask: parseAsk(fields, place) }
  if (kind === 'work') return { work: { cpuUs: amount(fields, 'cpuUs', `${place}: work`) } }
  if (kind === 'sleep') return { sleep: { ms: amount(fields, 'ms', `${place}: sleep`) } }
  throw new Error(`${place}: unknown command ${kind}; known are call, ask, work, sleep`)
}

function parseCall(fields: Readonly<Record<string, unknown>>, place: string): Call {
  const { service, protocol, path, headers, ...amounts } = fields
  if (typeof service !== 'string' || service === '') {
    throw new Error(`${place}: call.service must be a name`)
  }
  if (protocol !== undefined && protocol !== 'http' && protocol !== 'grpc') {
    throw new Error(`${place}: call.protocol must be http or grpc`)
  }
  if (path !== undefined && (typeof path !== 'string' || !path.startsWith('/'))) {
    throw new Error(`${place}: call.path must begin with /`)
  }
  for (const name of Object.keys(amounts)) {
    if (name !== 'requestBytes' && name !== 'probability') {
      throw new Error(`${place}: call.${name} is not known`)
    }
    const value = amount(amounts, name, `${place}: call`)
    if (name === 'probability' && value > 1) {
      throw new Error(`${place}: call.probability must be within 0..1`)
    }
  }
  if (headers !== undefined) {
    for (const [name, text] of Object.entries(object(headers, `${place}: call.headers`))) {
      if (typeof text !== 'string') throw new Error(`${place}: call.headers.${name} must be a text`)
    }
  }
  return fields as unknown as Call
}

function parseAsk(
  { service, line, ...others }: Readonly<Record<string, unknown>>,
  place: string,
): Ask {
  if (typeof service !== 'string' || service === '') {
    throw new Error(`${place}: ask.service must be a name`)
  }
  if (typeof line !== 'string' || !/^[^\r\n]+$/.test(line)) {
    throw new Error(`${place}: ask.line must be one line of text`)
  }
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw new Error(`${place}: ask.${unknown} is not known`)
  return { service, line }
}

function object(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${place} must be an object`)
  }
  return value as Record<string, unknown>
}

function amount(fields: Readonly<Record<string, unknown>>, name: string, place: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new Error(`${place}.${name} must be a number of at least 0`)
  }
  return value
}
