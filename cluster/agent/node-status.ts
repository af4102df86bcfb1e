import { arch, availableParallelism, platform, release, totalmem } from 'node:os'
import { timestamp, withCondition } from '../controllers/conditions.ts'
import type { Node } from '../kinds.ts'
import { kubernetesRelease } from '../release.ts'

/** Go's names, which Kubernetes uses. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }

/**
 * A node that takes pods. Every node is the whole machine: what is told of its size serves tools that divide by
 * it (`kubectl describe node`, `kubectl top node`), and nobody schedules by it.
 */
export function readyStatus({ metadata, status }: Node): NonNullable<Node['status']> {
  const now = timestamp()
  const size = {
    cpu: String(availableParallelism()),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: '110',
  }
  return {
    ...status,
    capacity: size,
    allocatable: size,
    addresses: [
      { type: 'InternalIP', address: '127.0.0.1' },
      { type: 'Hostname', address: metadata.name },
    ],
    nodeInfo: {
      kubeletVersion: `${kubernetesRelease.version}-meshbench`,
      operatingSystem: platform(),
      architecture: architectures[arch()] ?? arch(),
      containerRuntimeVersion: `process://node-${process.version}`,
      osImage: 'local processes',
      kernelVersion: release(),
    },
    conditions: withCondition(status?.conditions, {
      type: 'Ready',
      status: 'True',
      reason: 'KubeletReady',
      message: `node agent is running since ${now}`,
      lastHeartbeatTime: now,
    }),
  }
}
