import { systemNamespace } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'

/** Where istiod runs, else where its configuration is, else where both usually are. */
export function rootNamespaceOf(
  deployments: readonly KubeObject[],
  configMaps: readonly KubeObject[] = [],
): string {
  const istiod = deployments.find(({ metadata }) => metadata.labels?.app === 'istiod')
  const mesh = configMaps.find(({ metadata }) => /^istio(-|$)/.test(metadata.name))
  return istiod?.metadata.namespace ?? mesh?.metadata.namespace ?? systemNamespace
}
