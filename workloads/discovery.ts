export interface Endpoint {
  readonly host: string
  readonly port: number
  /** For the Host header: the name people and meshes route by, whatever address was dialled. */
  readonly authority: string
}

/** Where a service answers when nothing says otherwise; isotope's convention. */
export const defaultServicePort = 8080

/**
 * Finds a service as Kubernetes lets a pod find it: the environment it injects
 * (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables), else the
 * DNS name. `name:port` sets the port for DNS.
 */
export function findService(service: string, env: NodeJS.ProcessEnv): Endpoint {
  const [, name = service, digits] = /^(.+?)(?::(\d{1,5}))?$/.exec(service) ?? []
  const variable = name.toUpperCase().replace(/[^A-Z0-9]/g, '_')
  const host = env[`${variable}_SERVICE_HOST`]
  const envPort = Number(env[`${variable}_SERVICE_PORT`])
  const dnsPort = digits === undefined ? defaultServicePort : Number(digits)
  const port = host !== undefined && envPort > 0 ? envPort : dnsPort
  return { host: host ?? name, port, authority: `${name}:${port}` }
}
