import { createHash, randomInt } from 'node:crypto'
import type { KubeObject, OwnerReference } from '../objects.ts'

// Kubernetes leaves out vowels and look-alikes so that no word and no doubt arises
// (k8s.io/apimachinery/pkg/util/rand).
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

export function randomSuffix(length = 5): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
}

/** The same content gives the same short name part. */
export function hashSuffix(content: unknown, length = 10): string {
  const digest = createHash('sha256').update(JSON.stringify(content)).digest()
  return [...digest.subarray(0, length)].map((byte) => alphabet[byte % alphabet.length]).join('')
}

export function ownerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  }
}

export function isOwnedBy(object: KubeObject, owner: KubeObject): boolean {
  const uid = owner.metadata.uid
  return (object.metadata.ownerReferences ?? []).some((one) => one.controller && one.uid === uid)
}

export function refOf(object: KubeObject): {
  apiVersion: string
  kind: string
  name: string
  namespace?: string
} {
  const { apiVersion, kind, metadata } = object
  return {
    apiVersion,
    kind,
    name: metadata.name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  }
}
