import type { Pod } from '../../cluster/kinds.ts'
import { type ZtunnelDump, ztunnelDump } from '../inventory/ztunnel-dump.ts'
import type { VerifyContext } from './context.ts'
import { ztunnelsByNode } from './pods.ts'

/** What the ztunnels of the pods' nodes have been told, by node; undefined where no ready one runs. */
export async function dumpsOf(
  { client, signal }: Pick<VerifyContext, 'client' | 'signal'>,
  pods: readonly Pod[],
): Promise<ReadonlyMap<string, ZtunnelDump | undefined>> {
  const ztunnels = await ztunnelsByNode(client)
  const nodes = [...new Set(pods.map(({ spec }) => spec.nodeName ?? ''))]
  const read = async (node: string): Promise<readonly [string, ZtunnelDump | undefined]> => {
    const ztunnel = ztunnels.get(node)
    if (ztunnel === undefined) return [node, undefined]
    const { name, namespace = '' } = ztunnel.metadata
    return [node, await ztunnelDump(client, { name, namespace }, signal)]
  }
  return new Map(await Promise.all(nodes.map(read)))
}
