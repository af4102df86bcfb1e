import type { KubeObject } from '../../cluster/objects.ts'
import { serviceImage, storeImage, workloadImages } from '../../workloads/images.ts'
import { type NamedPort, speaksHttp } from './protocol.ts'

interface Port extends NamedPort {
  readonly containerPort: number
  readonly protocol?: string
}

interface Container {
  readonly name: string
  readonly image?: string
  readonly ports?: readonly Port[]
  readonly env?: readonly object[]
  readonly readinessProbe?: object
}

export interface PodTemplate {
  readonly metadata?: { readonly labels?: Record<string, string>; readonly annotations?: object }
  readonly spec?: {
    readonly serviceAccountName?: string
    readonly terminationGracePeriodSeconds?: number
    readonly hostNetwork?: boolean
    readonly initContainers?: readonly unknown[]
    readonly volumes?: readonly unknown[]
    readonly containers?: readonly Container[]
  }
}

interface ServicePort extends NamedPort {
  readonly targetPort?: number | string
  readonly port: number
  readonly protocol?: string
}

/** A pod template with our programs in it, and what that differs in from the original. */
export interface StandInTemplate {
  readonly template: object
  /** Images that ours stand for; programs of ours stay what they are. */
  readonly images: readonly string[]
  readonly leftOut: readonly string[]
}

/** Same containers, ports, account, labels and annotations; without what only the real programs need. */
export function standInTemplate(
  { metadata, spec = {} }: PodTemplate,
  workload: string,
  services: readonly KubeObject[],
): StandInTemplate {
  const { serviceAccountName, terminationGracePeriodSeconds } = spec
  const own = (spec.containers ?? []).filter(({ name }) => name !== 'istio-proxy')
  const labels = metadata?.labels ?? {}
  const inFront = servicePorts(labels, services)
  const declared = own.flatMap(({ ports = [] }) => ports)
  const undeclared = declared.length > 0 ? [] : targetedPorts(inFront)
  const containers = own.flatMap((container, index) => {
    if (isOurs(container)) return [withoutExtras(container)]
    const ports = [...(container.ports ?? []), ...(index === 0 ? undeclared : [])]
    return standInContainers(container.name, workload, ports.filter(isTcp), inFront)
  })
  const programs = own.map(({ name }) => name)
  const silent = programs.filter((name) => !containers.some((one) => one.name === name))
  const [first] = programs
  return {
    template: {
      ...(metadata === undefined ? {} : { metadata }),
      spec: {
        ...(serviceAccountName ? { serviceAccountName } : {}),
        ...(terminationGracePeriodSeconds === undefined ? {} : { terminationGracePeriodSeconds }),
        containers:
          containers.length > 0 ? containers : [{ name: first ?? workload, image: serviceImage }],
      },
    },
    images: own.filter((one) => !isOurs(one)).map(({ image }) => image ?? 'no image'),
    leftOut: [
      ...(spec.initContainers?.length ? ['init containers'] : []),
      ...(spec.volumes?.length ? ['volumes'] : []),
      ...(spec.hostNetwork ? ['hostNetwork'] : []),
      ...(containers.length > 0 ? silent.map((name) => `container ${name}, without a port`) : []),
      ...declared
        .filter((port) => !isTcp(port))
        .map(({ containerPort, protocol }) => `port ${containerPort}/${protocol}`),
    ],
  }
}

const isOurs = ({ image = '' }: Container): boolean => workloadImages.includes(image)
const isTcp = ({ protocol = 'TCP' }: { readonly protocol?: string }): boolean => protocol === 'TCP'

function withoutExtras({ name, image, ports, env, readinessProbe }: Container) {
  return {
    name,
    image,
    ...(ports === undefined ? {} : { ports }),
    ...(env === undefined ? {} : { env }),
    ...(readinessProbe === undefined ? {} : { readinessProbe }),
  }
}

/** One of ours for every port, since each serves one. */
function standInContainers(
  name: string,
  workload: string,
  ports: readonly Port[],
  inFront: readonly ServicePort[],
) {
  return ports.map((port, index) => {
    const number = port.containerPort
    const http = speaksHttp(serviceOf(port, inFront) ?? port)
    return {
      name: index === 0 ? name : `${name.slice(0, 57)}-${number}`,
      image: http ? serviceImage : storeImage,
      ports: [port],
      env: [
        { name: 'PORT', value: String(number) },
        { name: 'SERVICE_NAME', value: workload },
        { name: 'RESPONSE_BYTES', value: '1024' },
      ],
      readinessProbe: {
        ...(http
          ? { httpGet: { path: '/healthz', port: number } }
          : { tcpSocket: { port: number } }),
        periodSeconds: 1,
      },
    }
  })
}

function servicePorts(
  labels: Readonly<Record<string, string>>,
  services: readonly KubeObject[],
): ServicePort[] {
  return services.flatMap(({ spec }) => {
    const { selector = {}, ports = [] } = spec as {
      selector?: Record<string, string>
      ports?: readonly ServicePort[]
    }
    const wanted = Object.entries(selector)
    const selects = wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value)
    return selects ? ports : []
  })
}

const serviceOf = (
  { name, containerPort }: Port,
  inFront: readonly ServicePort[],
): ServicePort | undefined =>
  inFront.find(({ targetPort, port }) => {
    const target = targetPort ?? port
    return target === containerPort || (name !== undefined && target === name)
  })

/** Kubernetes does not ask for ports to be declared; the Services in front tell what is listened on. */
function targetedPorts(inFront: readonly ServicePort[]): Port[] {
  const numbers = inFront
    .filter(isTcp)
    .map(({ targetPort, port }) => targetPort ?? port)
    .filter((target) => typeof target === 'number')
  return [...new Set(numbers)].map((containerPort) => ({ containerPort }))
}
