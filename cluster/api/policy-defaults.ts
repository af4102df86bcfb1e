import type { KubeObject } from '../objects.ts'
import { isObject, members, part } from './json.ts'

/** Without types a policy is of ingress, and of egress too once it has such rules. */
export function networkPolicyDefaults(policy: KubeObject): void {
  const spec = part(policy, 'spec')
  for (const { ports } of [...members(spec.ingress), ...members(spec.egress)]) {
    for (const port of members(ports)) port.protocol ??= 'TCP'
  }
  if (Array.isArray(spec.policyTypes) && spec.policyTypes.length > 0) return
  const outgoing = members(spec.egress).length > 0
  spec.policyTypes = ['Ingress', ...(outgoing ? ['Egress'] : [])]
}

export function webhookDefaults(configuration: KubeObject): void {
  for (const webhook of members(configuration.webhooks)) {
    webhook.failurePolicy ??= 'Fail'
    webhook.matchPolicy ??= 'Equivalent'
    webhook.namespaceSelector ??= {}
    webhook.objectSelector ??= {}
    webhook.timeoutSeconds ??= 10
    if (configuration.kind === 'MutatingWebhookConfiguration') {
      webhook.reinvocationPolicy ??= 'Never'
    }
    for (const rule of members(webhook.rules)) rule.scope ??= '*'
    const service = isObject(webhook.clientConfig) ? webhook.clientConfig.service : undefined
    if (isObject(service)) service.port ??= 443
  }
}
