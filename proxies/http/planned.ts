import { editHead, retarget } from './edit-head.ts'
import type { RequestHead, ResponseHead } from './head.ts'
import { Mirror } from './mirror.ts'
import type { HttpRules, Plan } from './rules.ts'
import { type ResponseEncoding, requestLines, responseLines } from './serialise.ts'

export const UPGRADE_LINES = 'connection: Upgrade\r\nupgrade: websocket\r\n'

/** What is sent instead of the client's head, without the final empty line. */
export function plannedRequest(plan: Plan, request: RequestHead, rules: HttpRules): string {
  const sent = plan.request ?? request
  const upgrade = request.upgrade === 'websocket' ? UPGRADE_LINES : ''
  const added = rules.requestFields(sent) + upgrade + (plan.requestLines ?? '')
  return requestLines(sent, rules.requestDrop, added)
}

export function plannedResponse(
  { responseChanges }: Plan,
  head: ResponseHead,
  rules: HttpRules,
  encoding: ResponseEncoding,
  added: string,
): string {
  if (responseChanges === undefined) {
    return responseLines(head, rules.responseDrop, encoding, added)
  }
  const edited = editHead(head, responseChanges)
  return responseLines(edited.head, rules.responseDrop, encoding, added + edited.lines)
}

/** Copies go to `<host>-shadow`, as Envoy's do; what becomes a byte stream cannot be copied. */
export function plannedMirrors(plan: Plan, request: RequestHead, rules: HttpRules): Mirror[] {
  const { mirrors = [] } = plan
  if (mirrors.length === 0 || request.upgrade !== undefined || request.method === 'CONNECT')
    return []
  const sent = plan.request ?? request
  const shadow = retarget(sent, sent.target, sent.host.replace(/^(.*?)(:\d+)?$/, '$1-shadow$2'))
  const lines = plannedRequest({ ...plan, request: shadow }, request, rules)
  return mirrors.map((cluster) => new Mirror(cluster, request, lines))
}
