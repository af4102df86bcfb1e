import { isMap, type Node } from 'yaml'
import { serviceImage, workloadImages } from '../images.ts'
import { parseScript, servicesIn } from '../script.ts'
import type { Workload } from '../workload.ts'
import { chooseEntry } from './entry.ts'
import type { FileObject, ParsedFile } from './kube-objects.ts'
import { isRecord } from './kube-objects.ts'
import { placeObjects } from './place-objects.ts'
import type { Problems } from './problems.ts'

/** On a Service: the load enters here. */
export const entryAnnotation = 'meshbench.dev/entry'

const taken = ['Deployment', 'Service', 'ServiceAccount', 'ConfigMap', 'Secret']

/** The parts of a manifest that are read; everything else travels untouched. */
export interface PlainObject extends Readonly<Record<string, unknown>> {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
  }
}

interface Container {
  readonly name?: string
  readonly image?: unknown
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
}

/** Deployments and Services as people write them for any cluster, naming images of ours. */
export function readManifests(
  name: string,
  { objects, problems }: ParsedFile,
  wantedEntry: string | undefined,
): Workload {
  const kept = objects.filter((object) => isTaken(object, problems))
  refuseTwins(kept, problems)
  const called = new Map<string, Node>()
  for (const object of kept) {
    if (object.value.kind === 'Deployment') readDeployment(object, called, problems)
  }
  const plain = kept.map(({ value }) => value as PlainObject)
  const services = plain.filter(({ kind }) => kind === 'Service')
  const names = services.map(({ metadata }) => metadata?.name)
  for (const [service, node] of called) {
    if (!names.includes(service)) {
      problems.warn(node, `its script calls ${service}, which is no Service of this file`)
    }
  }
  problems.throwIfAny(`a workload file holds ${taken.slice(0, 3).join('s, ')}s of one namespace`)
  if (wantedEntry === undefined) refuseMarks(kept, problems)
  problems.throwIfAny('let it enter at another Service: --entry NAME')
  const entry = chooseEntry({
    workload: name,
    services: services.filter(speaksHttp).map(({ metadata }) => metadata.name),
    marked: services.filter(isMarked).map(({ metadata }) => metadata.name),
    called: new Set(called.keys()),
    ...(wantedEntry === undefined ? {} : { wanted: wantedEntry }),
  })
  return {
    name,
    entry,
    warnings: problems.warnings,
    manifests: (options) => placeObjects(plain, options),
  }
}

function isTaken({ node, value }: FileObject, problems: Problems): boolean {
  const { kind, metadata } = value
  if (typeof kind !== 'string') {
    problems.fault(node, 'this document has no kind: not a Kubernetes object')
    return false
  }
  // Every mode gets a namespace of its own.
  if (kind === 'Namespace') return false
  if (!taken.includes(kind)) {
    problems.warn(node, `kind ${kind} is not used here; taken are ${taken.join(', ')}`)
    return false
  }
  if (isRecord(metadata) && typeof metadata.name === 'string') return true
  problems.fault(node, `this ${kind} has no metadata.name`)
  return false
}

function refuseTwins(objects: readonly FileObject[], problems: Problems): void {
  const seen = new Set<string>()
  for (const { node, value } of objects) {
    const { kind, metadata } = value as PlainObject
    const id = `${kind} ${metadata.name}`
    if (seen.has(id)) problems.fault(node, `${id} stands here a second time`)
    seen.add(id)
  }
}

function readDeployment(
  { node, value }: FileObject,
  called: Map<string, Node>,
  problems: Problems,
): void {
  const template = path(value, 'spec', 'template', 'spec')
  const containers = isRecord(template) ? template.containers : undefined
  if (!Array.isArray(containers) || containers.length === 0) {
    problems.fault(node, 'this Deployment has no spec.template.spec.containers')
    return
  }
  for (const [index, container] of (containers as Container[]).entries()) {
    const at = (...rest: (string | number)[]): Node =>
      nodeAt(node, ['spec', 'template', 'spec', 'containers', index, ...rest])
    const { image, env = [] } = container
    if (typeof image !== 'string' || !workloadImages.includes(image)) {
      problems.fault(
        at('image'),
        `no program for the image ${JSON.stringify(image)}; known images: ${workloadImages.join(', ')}`,
      )
    }
    const scriptAt = env.findIndex((variable) => variable.name === 'SCRIPT')
    const script = env[scriptAt]?.value
    if (image !== serviceImage || script === undefined) continue
    try {
      for (const service of servicesIn(parseScript(script))) {
        called.set(service, at('env', scriptAt, 'value'))
      }
    } catch (error) {
      problems.fault(at('env', scriptAt, 'value'), (error as Error).message)
    }
  }
}

/** Load is HTTP/1.1, and nothing else can be answered to it. */
function refuseMarks(objects: readonly FileObject[], problems: Problems): void {
  for (const { node, value } of objects) {
    const service = value as PlainObject
    if (service.kind !== 'Service' || !isMarked(service) || speaksHttp(service)) continue
    problems.fault(
      nodeAt(node, ['metadata', 'annotations', entryAnnotation]),
      `load is HTTP/1.1 and cannot enter at ${service.metadata.name}: its first port is not http`,
    )
  }
}

function isMarked({ metadata }: PlainObject): boolean {
  return metadata.annotations?.[entryAnnotation] === 'true'
}

function speaksHttp({ spec }: PlainObject): boolean {
  const first = path(spec, 'ports', 0)
  if (!isRecord(first)) return false
  const protocol = first.appProtocol ?? String(first.name ?? '').split('-')[0]
  return protocol === 'http'
}

function path(value: unknown, ...keys: (string | number)[]): unknown {
  return keys.reduce<unknown>(
    (at, key) => (Array.isArray(at) ? at[Number(key)] : isRecord(at) ? at[String(key)] : undefined),
    value,
  )
}

/** The node at a path, else the nearest one above it that exists. */
function nodeAt(node: Node, keys: readonly (string | number)[]): Node {
  for (let length = keys.length; length > 0; length -= 1) {
    const found = isMap(node) ? node.getIn(keys.slice(0, length), true) : undefined
    if (found !== undefined && found !== null) return found as Node
  }
  return node
}
