import type { Node } from 'yaml'
import { defaultServicePort } from '../discovery.ts'
import { chooseEntry } from '../files/entry.ts'
import { type Field, fieldsOf, itemsOf, scalarOf, textOf, warnUnknown } from '../files/fields.ts'
import type { FileObject } from '../files/kube-objects.ts'
import type { Problems } from '../files/problems.ts'
import type { Topology, TopologyService } from '../topologies/topology.ts'
import { checkCalls } from './calls.ts'
import { callInProtocol, enterByHttp } from './protocols.ts'
import { type FoundCall, readScript } from './script.ts'
import { readSettings, readSize, type Settings, settingNames } from './settings.ts'

const topFields = ['apiVersion', 'kind', 'defaults', 'services']
const defaultsFields = [...settingNames, 'requestSize', 'numRbacPolicies']
const placement = ['namespace', 'cluster', 'labels']
const serviceFields = ['name', ...placement, 'isEntrypoint', ...settingNames, 'numRbacPolicies']

const format = 'the format: https://github.com/istio/tools/tree/master/isotope'

interface Defaults {
  readonly settings: Settings
  readonly requestBytes: number
}

/** Whether a document is a service graph: it need not say so. */
export function isGraph({ value }: FileObject): boolean {
  return value.kind === 'MockServiceGraph' || (value.kind === undefined && 'services' in value)
}

/**
 * A service graph in the format of Istio's isotope
 * (https://github.com/istio/tools/tree/master/isotope; where its README and its parser disagree, the
 * parser is right). Faults go to `problems`, and all of them are thrown at the end.
 */
export function readGraph(
  name: string,
  { node }: FileObject,
  problems: Problems,
  wantedEntry: string | undefined,
): Topology {
  const top = fieldsOf(node, 'a service graph', problems)
  warnUnknown(top, topFields, 'a service graph', problems)
  const defaults = readDefaults(top.get('defaults'), problems)
  const services: TopologyService[] = []
  const marked: string[] = []
  const calls = new Map<string, FoundCall[]>()
  const places = new Map<string, Node>()
  for (const item of itemsOf(top.get('services')?.value, 'services', problems)) {
    const fields = fieldsOf(item, 'a service', problems)
    warnService(fields, problems)
    const service = readName(item, fields, problems)
    if (calls.has(service)) problems.fault(fields.get('name')?.value, `a second ${service}`)
    const found: FoundCall[] = []
    calls.set(service, found)
    places.set(service, item)
    services.push(readService(service, fields, defaults, found, problems))
    if (scalarOf(fields.get('isEntrypoint')?.value) === true) marked.push(service)
  }
  if (services.length === 0) problems.fault(node, 'a service graph needs services')
  checkCalls(calls, problems)
  problems.throwIfAny(format)
  const entry = chooseEntry({
    workload: name,
    services: services.map((service) => service.name),
    marked,
    called: new Set([...calls.values()].flat().map(({ service }) => service)),
    ...(wantedEntry === undefined ? {} : { wanted: wantedEntry }),
  })
  const description = 'an isotope service graph'
  const topology = { name, description, entry, services: callInProtocol(services) }
  const entered = enterByHttp(topology, places.get(entry), problems)
  problems.throwIfAny('rename a service, or let load enter at one of type http: --entry NAME')
  return entered
}

function readDefaults(field: Field | undefined, problems: Problems): Defaults {
  if (field === undefined) return { settings: {}, requestBytes: 0 }
  const fields = fieldsOf(field.value, 'defaults', problems)
  warnUnknown(fields, defaultsFields, 'defaults', problems)
  const size = fields.get('requestSize')
  return {
    settings: readSettings(fields, problems),
    requestBytes: (size && readSize(size.value, 'requestSize', problems)) ?? 0,
  }
}

function readService(
  name: string,
  fields: ReadonlyMap<string, Field>,
  { settings, requestBytes }: Defaults,
  found: FoundCall[],
  problems: Problems,
): TopologyService {
  const own = { ...settings, ...readSettings(fields, problems) }
  const onCall = (call: FoundCall): void => void found.push(call)
  return {
    name,
    replicas: own.replicas ?? 1,
    port: defaultServicePort,
    ...(own.protocol === undefined ? {} : { protocol: own.protocol }),
    script: readScript(own.script ?? [], { requestBytes, problems, onCall }),
    responseBytes: own.responseBytes ?? 0,
    errorRate: own.errorRate ?? 0,
  }
}

function warnService(fields: ReadonlyMap<string, Field>, problems: Problems): void {
  warnUnknown(fields, serviceFields, 'a service', problems)
  for (const name of placement) {
    const field = fields.get(name)
    if (field !== undefined) {
      problems.warn(field.key, `${name} is ignored: all services share one namespace`)
    }
  }
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names */
const serviceName = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/

function readName(item: Node, fields: ReadonlyMap<string, Field>, problems: Problems): string {
  const field = fields.get('name')
  if (field === undefined) {
    problems.fault(item, 'this service has no name')
    return ''
  }
  const name = textOf(field.value, 'name', problems) ?? ''
  if (name !== '' && !serviceName.test(name)) {
    problems.fault(
      field.value,
      `"${name}" cannot name a service: small letters, digits and dashes, beginning with a letter, at most 63`,
    )
  }
  return name
}
