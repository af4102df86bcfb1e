import type { KubeConfig } from '@kubernetes/client-node'
import { ClusterError } from '../errors.ts'

export interface ConnectOptions {
  /** @default what kubectl would use: KUBECONFIG, then ~/.kube/config, then the pod's own account */
  readonly kubeconfigPath?: string
  /** @default the kubeconfig's current context */
  readonly context?: string
  /** How long the server may say nothing before a request counts as failed. @default 30 s */
  readonly requestTimeoutMs?: number
}

/** The library is imported on first use: it takes a third of a second. */
export async function loadConfig(options: ConnectOptions): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    if (options.kubeconfigPath === undefined) config.loadFromDefault()
    else config.loadFromFile(options.kubeconfigPath)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw problem(`The kubeconfig could not be read: ${why}`, cause)
  }
  // What the library makes up when it finds no kubeconfig at all.
  const madeUp =
    config.getCurrentContext() === 'loaded-context' && !isHttps(config.getCurrentCluster()?.server)
  if (madeUp) throw problem('No kubeconfig with a current context was found')
  if (options.context !== undefined) {
    const known = config.getContexts().map(({ name }) => name)
    if (!known.includes(options.context)) {
      throw problem(
        `The kubeconfig has no context "${options.context}"; it has ${known.join(', ') || 'none'}`,
      )
    }
    config.setCurrentContext(options.context)
  }
  if (!config.getCurrentCluster()) throw problem('No kubeconfig with a current context was found')
  return config
}

function isHttps(server: string | undefined): boolean {
  return server?.startsWith('https:') ?? false
}

function problem(message: string, cause?: unknown): ClusterError {
  return new ClusterError(message, {
    code: 'CLUSTER_KUBECONFIG',
    hint: 'Name a kubeconfig with --kubeconfig and a context of it with --context.',
    exitCode: 2,
    ...(cause !== undefined && { cause }),
  })
}
