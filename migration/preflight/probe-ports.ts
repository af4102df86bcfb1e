import type { Container, PodTemplate, Probe } from '../../cluster/kinds.ts'

/** Container ports that the kubelet connects to; commands it runs inside do not count. */
export function probePorts({ spec }: PodTemplate): readonly number[] {
  const ports = spec.containers.flatMap((container) =>
    [container.livenessProbe, container.readinessProbe, container.startupProbe].flatMap((probe) =>
      portOf(probe, container),
    ),
  )
  return [...new Set(ports)]
}

function portOf(
  probe: (Probe & { readonly grpc?: { readonly port: number } }) | undefined,
  { ports = [] }: Container,
): readonly number[] {
  const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port ?? probe?.grpc?.port
  if (typeof port === 'number') return [port]
  return ports
    .filter(({ name }) => port !== undefined && name === port)
    .map((one) => one.containerPort)
}
