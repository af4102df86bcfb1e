import type { ClusterClient } from '../../cluster/client/types.ts'
import { isReady, type Pod, podKind } from '../deploy/pods.ts'
import { type TrackedProcess, takeCensus } from '../sample/census.ts'
import { accountCpu, type CounterReading, readCounters, readMemory } from '../sample/counters.ts'

/** What the processes of each role cost; cores over the window, memory at its end. */
export type RoleUsage = Record<
  string,
  { readonly processes: number; readonly cores: number | null; readonly pssBytes: number | null }
>

export interface Meter {
  /** Ends the window; memory is walked only now, since that disturbs what it walks. */
  end(): Promise<RoleUsage>
}

const ownProcess: TrackedProcess = { pid: process.pid, role: 'controlPlane', owner: 'meshbench' }

/**
 * Begins a window over everything that stands for the mesh of these namespaces: their pods, and the
 * ztunnels, which belong to all.
 */
export async function startMeter(
  client: ClusterClient,
  namespaces: readonly string[],
): Promise<Meter> {
  const tracked = await listProcesses(client, namespaces)
  const before: CounterReading = readCounters(tracked)
  return {
    end: async () => {
      const after = readCounters(tracked)
      const { cpu, lost } = accountCpu(before, after, tracked, [], 0)
      const incomplete = new Set(lost.map(({ process }) => process.role))
      const memory = readMemory(await listProcesses(client, namespaces))
      const roles = new Set([...Object.keys(cpu), ...Object.keys(memory)])
      return Object.fromEntries(
        [...roles].map((role) => {
          const spent = cpu[role as keyof typeof cpu]
          const held = memory[role as keyof typeof memory]
          const known = spent !== undefined && !incomplete.has(role as TrackedProcess['role'])
          return [
            role,
            {
              processes: held?.processes ?? spent?.processes ?? 0,
              cores: known ? spent.cores : null,
              pssBytes: held?.pssBytes ?? null,
            },
          ]
        }),
      )
    },
  }
}

async function listProcesses(
  client: ClusterClient,
  namespaces: readonly string[],
): Promise<TrackedProcess[]> {
  const lists = await Promise.all([
    ...namespaces.map((namespace) => client.list<Pod>(podKind, { namespace })),
    client.list<Pod>(podKind, { namespace: 'istio-system', labelSelector: 'app=ztunnel' }),
  ])
  return [...takeCensus(lists.flat().filter(isReady)), ownProcess]
}
