import { isMap, isScalar, isSeq, type Node } from 'yaml'
import { describe, type Field, fieldsOf, scalarOf, textOf, warnUnknown } from '../files/fields.ts'
import type { Problems } from '../files/problems.ts'
import type { Call, Command, Script } from '../script.ts'
import { readSize } from './settings.ts'
import { parseGoDuration } from './values.ts'

/** A call from one service to another, and where it stands. */
export interface FoundCall {
  readonly service: string
  readonly node: Node
}

export interface ScriptReader {
  readonly requestBytes: number
  readonly problems: Problems
  /** Told of every call, for what only the whole graph can show. */
  readonly onCall: (call: FoundCall) => void
}

export function readScript(steps: readonly Node[], reader: ScriptReader): Script {
  return steps.flatMap((step) => {
    if (!isSeq(step)) return readCommand(step, reader)
    const commands = (step.items as Node[]).flatMap((command) => {
      if (!isSeq(command)) return readCommand(command, reader)
      reader.problems.fault(command, 'lists of concurrent commands do not nest')
      return []
    })
    return [commands]
  })
}

function readCommand(node: Node, reader: ScriptReader): Command[] {
  const { problems } = reader
  const entries = [...fieldsOf(node, 'a step', problems)]
  const [first] = entries
  if (first === undefined || entries.length > 1) {
    if (isMap(node)) problems.fault(node, 'a step has exactly one key: call or sleep')
    return []
  }
  const [kind, { key, value }] = first
  if (kind === 'sleep') return readSleep(value, problems)
  if (kind === 'call') return readCall(value, reader)
  problems.fault(key, `unknown step "${kind}"; known are call and sleep`)
  return []
}

function readSleep(node: Node | null, problems: Problems): Command[] {
  const ms = parseGoDuration(scalarOf(node))
  if (ms !== undefined && ms >= 0) return [{ sleep: { ms } }]
  problems.fault(
    node,
    ms === undefined
      ? `sleep must be a duration like 10ms or 1m30s, not ${describe(node)}`
      : `sleep is negative: ${describe(node)}`,
  )
  return []
}

const callFields = ['service', 'size', 'hostname', 'extra-header', 'probability']

function readCall(node: Node | null, reader: ScriptReader): Command[] {
  const { problems, requestBytes, onCall } = reader
  if (isScalar(node)) {
    const service = textOf(node, 'call', problems)
    if (service === undefined) return []
    onCall({ service, node })
    return [{ call: callTo(service, requestBytes) }]
  }
  const fields = fieldsOf(node, 'call', problems)
  if (!isMap(node)) return []
  warnUnknown(fields, callFields, 'call', problems)
  const service = textOf(fields.get('service')?.value ?? node, 'call.service', problems)
  const size = fields.get('size')
  const bytes = size === undefined ? requestBytes : readSize(size.value, 'size', problems)
  const probability = readProbability(fields.get('probability'), problems)
  const headers = readHeaders(fields.get('extra-header'), problems)
  const hostname = fields.get('hostname')
  const host = hostname && textOf(hostname.value, 'hostname', problems)
  if (service === undefined) return []
  if (host === undefined) onCall({ service, node })
  else if (hostname !== undefined) {
    problems.warn(
      hostname.key,
      `hostname ${host} is dialled as it stands, it is no service of this graph`,
    )
  }
  return [
    {
      call: {
        ...callTo(host ?? service, bytes ?? 0),
        ...(probability === undefined ? {} : { probability }),
        ...(headers === undefined ? {} : { headers }),
      },
    },
  ]
}

function callTo(service: string, requestBytes: number): Call {
  return { service, ...(requestBytes > 0 ? { requestBytes } : {}) }
}

/** Per cent; unset and 0 both mean always. */
function readProbability(field: Field | undefined, problems: Problems): number | undefined {
  if (field === undefined) return undefined
  const percent = scalarOf(field.value)
  if (typeof percent === 'number' && percent >= 0 && percent <= 100) {
    return percent === 0 ? undefined : percent / 100
  }
  problems.fault(
    field.value ?? field.key,
    `probability must be a number of per cent from 0 to 100, not ${describe(field.value)}`,
  )
  return undefined
}

function readHeaders(
  field: Field | undefined,
  problems: Problems,
): Record<string, string> | undefined {
  if (field === undefined) return undefined
  const entries = [...fieldsOf(field.value, 'extra-header', problems)]
  return Object.fromEntries(entries.map(([name, { value }]) => [name, String(scalarOf(value))]))
}
