import { groupOf, type KindDefinition } from '../api/kind-table.ts'
import { MESH_KINDS } from '../api/mesh-kinds.ts'
import type { KubeObject } from '../objects.ts'
import { timestamp } from './conditions.ts'

/**
 * The CustomResourceDefinitions by which programs find out which kinds of a mesh there are. They only
 * tell: the API server has these kinds built in, and keeps whatever fields an object of theirs has.
 */
export function definitions(): KubeObject[] {
  return MESH_KINDS.map(definitionOf)
}

/** Which release of the Gateway API it is, where its own installation says so. */
const gatewayApiBundle = {
  'gateway.networking.k8s.io/bundle-version': 'v1.4.0',
  'gateway.networking.k8s.io/channel': 'standard',
}

function definitionOf(definition: KindDefinition): KubeObject {
  const { apiVersion, kind, plural, singular, shortNames, categories, namespaced } = definition
  const group = groupOf(apiVersion)
  const name = apiVersion.slice(group.length + 1)
  const names = {
    kind,
    listKind: `${kind}List`,
    plural,
    singular,
    ...(shortNames && shortNames.length > 0 && { shortNames }),
    ...(categories && { categories }),
  }
  const lastTransitionTime = timestamp()
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime,
  })
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      ...(group === 'gateway.networking.k8s.io' && { annotations: gatewayApiBundle }),
    },
    spec: {
      group,
      names,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      versions: [
        {
          name,
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          },
          subresources: { status: {} },
        },
      ],
    },
    status: {
      acceptedNames: names,
      storedVersions: [name],
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
    },
  }
}
