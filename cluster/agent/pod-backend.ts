import { existsSync } from 'node:fs'
import type { Dialled, PodBackend, PodLogRequest, PodName } from '../api/pod-backend.ts'
import { ClusterError } from '../errors.ts'
import type { AddressPlan } from './address-plan.ts'
import { readLog } from './log-reader.ts'
import type { PodRunner } from './pod-runner.ts'

/** What the API server needs of the node agents: logs, and a way to a pod's ports. */
export function podBackend(runners: () => readonly PodRunner[], plan: AddressPlan): PodBackend {
  const find = ({ namespace, name }: PodName): PodRunner | undefined =>
    runners().find((runner) => runner.namespace === namespace && runner.name === name)
  return {
    readLog: (request) => readLog(logOptions(request, find(request))),
    // The pod's own address: like any other client, the API server is outside the mesh.
    dial: (pod, port): Dialled | undefined => {
      const runner = find(pod)
      return runner && plan.socket(runner.address.podIp, port)
    },
  }
}

function logOptions(
  request: PodLogRequest,
  runner: PodRunner | undefined,
): Parameters<typeof readLog>[0] {
  const { container, name, previous, follow, tailLines, signal } = request
  const current = runner?.restartCount(container)
  // Between two runs the last one speaks, as with kubelet: its words are why there is a next one.
  const started = current !== undefined && existsSync(runner?.logPath(container, current) ?? '')
  const newest = (current ?? -1) - (started ? 0 : 1)
  const run = newest - (previous ? 1 : 0)
  const path = runner?.logPath(container, run)
  if (!runner || path === undefined || run < 0 || !existsSync(path)) {
    const message = previous
      ? `previous terminated container "${container}" in pod "${name}" not found`
      : `container "${container}" in pod "${name}" is waiting to start`
    throw new ClusterError(message, { reason: 'BadRequest', hint: 'Wait until it has started.' })
  }
  const isRunning = (): boolean =>
    runner.restartCount(container) === run &&
    runner.processes().some((one) => one.container.name === container)
  return {
    path,
    isGrowing: () => follow && isRunning(),
    signal,
    ...(tailLines === undefined ? {} : { tailLines }),
  }
}
