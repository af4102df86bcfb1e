import { stringify } from 'yaml'
import { resourceOf } from '../../migration/access/permissions.ts'
import { blockers } from '../../migration/preflight/run-checks.ts'
import { type Finding, severities } from '../../migration/result/findings.ts'
import type { Call, Plan, Requirement, Step } from '../../migration/result/plan.ts'
import type { Paint } from '../../reports/terminal/paint.ts'

const styles = { blocker: 'worse', warning: 'warning', info: 'faint' } as const

export function showPlan(plan: Plan, paint: Paint, path: string): string {
  return [
    paint(
      'strong',
      `Plan ${plan.id}: ${plan.waves.map((wave) => wave.join(', ')).join(', then ')}`,
    ),
    ...fromFiles(plan, paint),
    ...findings(plan, paint),
    ...steps(plan, paint),
    ...policies(plan, paint),
    ...restarts(plan, paint),
    '',
    verdict(plan, path),
  ].join('\n')
}

function fromFiles({ source }: Plan, paint: Paint): readonly string[] {
  const { faults = [], assumed = [] } = source
  const list = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ['', paint('strong', title), ...lines.map((line) => `  ${line}`)]
  return [
    ...list(
      `skipped or unclear in the files (${faults.length})`,
      faults.map(({ file, line, message }) => `${file}:${line}: ${message}`),
    ),
    ...list(`taken for granted (${assumed.length})`, assumed),
  ]
}

function findings({ checks }: Plan, paint: Paint): readonly string[] {
  const found = checks.flatMap((check) => check.findings)
  const groups = severities.flatMap((severity) => {
    const own = found.filter((one) => one.severity === severity)
    if (own.length === 0) return []
    return [
      '',
      paint('strong', `${severity} (${own.length})`),
      ...own.flatMap((one) => finding(one, paint)),
    ]
  })
  const skipped = checks.filter(({ outcome }) => outcome === 'not-evaluated')
  const unread = skipped.map(({ id, title, why }) => `  ${id} ${title}: ${why}`)
  return [
    ...groups,
    ...(unread.length > 0
      ? ['', paint('strong', `not evaluated (${unread.length})`), ...unread]
      : []),
  ]
}

function finding(one: Finding, paint: Paint): readonly string[] {
  const { id, severity, resource, reason, remedy, link, accepted, acceptable } = one
  const may = accepted
    ? ' (accepted)'
    : severity === 'blocker' && acceptable
      ? ` (--accept ${id})`
      : ''
  return [
    `  ${paint(styles[severity], id)} ${resource}${may}`,
    `    ${reason}`,
    `    remedy: ${remedy}`,
    `    ${paint('faint', link)}`,
  ]
}

function steps(plan: Plan, paint: Paint): readonly string[] {
  if (plan.steps.length === 0) return ['', 'Nothing to do: everything is where it is to be.']
  const shown = plan.steps.flatMap((step, index) => oneStep(step, index + 1, paint))
  return ['', paint('strong', `steps (${plan.steps.length})`), ...shown]
}

function oneStep(step: Step, number: number, paint: Paint): readonly string[] {
  return [
    `  ${number}. ${paint('strong', step.id)}  ${step.title}`,
    `     ${step.why}`,
    ...(step.requires ?? []).map((one) => `     only if: ${requirement(one)}`),
    ...step.calls.flatMap((call) => indented(request(call), 5)),
    ...step.verify.map((one) => `     proof: ${proof(one)}`),
    `     taken back: ${step.takenBack}`,
    ...step.effects.map(
      ({ policy, effect, because }) =>
        `     ${paint(effect === 'open' || effect === 'altered' ? 'worse' : 'faint', effect)} ${policy}: ${because}`,
    ),
  ]
}

function requirement({ check, namespace, ref, condition, except = [] }: Requirement): string {
  const home = ref?.namespace === undefined ? '' : `${ref.namespace}/`
  const what = ref === undefined ? '' : `${ref.kind} ${home}${ref.name}`
  switch (check) {
    case 'no-sidecars':
      return `no pod of ${namespace} has a sidecar at work`
    case 'no-sidecar-callers':
      return `nobody with a sidecar calls ${namespace}`
    case 'callers-come-through':
      return `nobody calls ${namespace} with a sidecar or in plaintext${except.length === 0 ? '' : `, but for ${except.join(', ')}`}`
    case 'waypoint-bound':
      return `the services of ${what} are bound to the waypoint`
    case 'policy-accepted':
      return `${what} has ${condition}`
    case 'unchanged':
      return `${what} is as shown here`
  }
}

const verbs = { create: 'POST', apply: 'PATCH', patch: 'PATCH', delete: 'DELETE' } as const

/** As it goes over the wire, with the body as YAML. */
function request(call: Call): string {
  const { apiVersion, kind, name, namespace } = call.ref
  const { resource } = resourceOf(apiVersion, kind)
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const home = namespace === undefined ? '' : `/namespaces/${namespace}`
  const path = `${root}${home}/${resource}${call.verb === 'create' ? '' : `/${name}`}`
  const query = call.verb === 'delete' ? '' : '?fieldManager=meshbench'
  const type =
    call.verb === 'apply' ? ' (server-side apply)' : call.verb === 'patch' ? ' (JSON patch)' : ''
  const body =
    call.verb === 'patch'
      ? call.patch
      : call.verb === 'delete'
        ? { preconditions: { uid: call.uid }, ...(call.object && { deletes: call.object }) }
        : call.body
  return `${verbs[call.verb]} ${path}${query}${type}\n${stringify(body).trimEnd().replace(/^/gm, '  ')}`
}

function proof(verification: Step['verify'][number]): string {
  return `${proven(verification)}, within ${verification.timeoutMs / 1000} s`
}

/** In words: what is looked at, and what has to be there. */
function proven(verification: Step['verify'][number]): string {
  const { check, namespace, ref, condition, image } = verification
  const home = ref?.namespace === undefined ? '' : `${ref.namespace}/`
  const what = ref === undefined ? namespace : `${ref.kind} ${home}${ref.name}`
  switch (check) {
    case 'labels':
      return `${what} carries ${wantedLabels(verification)}`
    case 'gateway-ready':
      return `${what} is Programmed, with an address and a ready replica`
    case 'waypoint-bound':
      return `the services of ${what} are bound to the waypoint`
    case 'policy-accepted':
      return `${what} has ${condition} True for its newest version${condition === 'ZtunnelAccepted' ? ', and ztunnels have that' : ''}`
    case 'pods-captured':
      return `pods of ${what} that have no sidecar at work have ambient.istio.io/redirection=enabled`
    case 'ztunnel-serves':
      return `the ztunnel of each node serves the pods of ${what} there, as HBONE and Up`
    case 'ztunnel-carries':
      return `ztunnels count new connections with mutual TLS to workloads of ${what}; silent ones are named`
    case 'pods-unchanged':
      return `pods of ${what} have the same UID, restart counts and start times as before`
    case 'no-injection':
      return `a new pod of ${what} would start without a sidecar (dry run)`
    case 'rolled-out':
      return `${what} has rolled out: updated and available as many as wanted`
    case 'converted':
      return `pods of ${what} have no sidecar and are captured`
    case 'sidecars-take-hbone':
      return `every sidecar of ${what} has networking.istio.io/tunnel=http`
    case 'traffic-holds':
      return `requests to ${what} fail no more often than before, counted while waiting`
    case 'probe':
      return `probe of ${what}: ${probed(namespace, image)}`
  }
}

function wantedLabels({ labels = {} }: Step['verify'][number]): string {
  return Object.entries(labels)
    .map(([key, value]) => (value === null ? `no ${key}` : `${key}=${value}`))
    .join(', ')
}

function probed(namespace: string | undefined, image: string | undefined): string {
  if (image === undefined) return 'the access log of a ztunnel has a connection of any caller'
  const pods = `/api/v1/namespaces/${namespace}/pods`
  return `a canary (POST ${pods}, then DELETE ${pods}/meshbench-canary-*; image ${image}) calls captured services, and access logs of ztunnels have that`
}

function policies({ policies: rows }: Plan, paint: Paint): readonly string[] {
  if (rows.length === 0) return []
  const shown = rows.flatMap(({ policy, today, verdict, afterSteps }) => [
    `  ${policy}: today ${today}; at ztunnels ${verdict}`,
    ...afterSteps.map(({ step, effect }) => `    after ${step}: ${effect}`),
  ])
  return ['', paint('strong', `policies (${rows.length})`), ...shown]
}

function restarts({ steps: all, staying }: Plan, paint: Paint): readonly string[] {
  const pods = all.flatMap((step) => step.restarts)
  return [
    '',
    paint('strong', 'restarts'),
    ...(pods.length === 0 ? ['  nobody'] : pods.map((pod) => `  ${pod}`)),
    ...(staying.length === 0
      ? []
      : ['', paint('strong', 'stay on sidecars until their next rollout')]),
    ...staying.map(
      ({ namespace, workload, pods: count }) =>
        `  ${workload} in ${namespace}: ${count} ${count === 1 ? 'pod' : 'pods'}`,
    ),
  ]
}

function verdict(plan: Plan, path: string): string {
  const left = blockers(plan.checks).length
  if (left > 0)
    return `Blocked by ${left === 1 ? 'one finding' : `${left} findings`}. Saved for review: ${path}`
  if (plan.source.from === 'files') return `Made from files, for review. Saved: ${path}`
  return `Ready: meshbench migrate apply --plan ${path}`
}

function indented(text: string, by: number): readonly string[] {
  return text.split('\n').map((line) => `${' '.repeat(by)}${line}`)
}
