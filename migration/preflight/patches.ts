/** Commands for people to run: one line each, quoted for a shell. */
export function kubectlPatch(
  ref: { readonly kind: string; readonly name: string; readonly namespace?: string },
  patch: unknown,
  type: 'merge' | 'json' = 'merge',
): string {
  const where = ref.namespace === undefined ? '' : ` -n ${ref.namespace}`
  return `kubectl${where} patch ${ref.kind.toLowerCase()} ${ref.name} --type=${type} -p '${JSON.stringify(patch).replaceAll("'", "'\\''")}'`
}

export function kubectlLabel(
  ref: { readonly kind: string; readonly name: string; readonly namespace?: string },
  ...labels: readonly string[]
): string {
  const where = ref.namespace === undefined ? '' : ` -n ${ref.namespace}`
  return `kubectl${where} label ${ref.kind.toLowerCase()} ${ref.name} ${labels.join(' ')}`
}

/** A label on the pods a workload makes from now on; changing its template rolls it out. */
export function templateLabel(resource: string, label: Readonly<Record<string, string>>): string {
  const [kind = '', place = ''] = resource.split(' ')
  const [namespace = '', name = ''] = place.split('/')
  return kubectlPatch({ kind, name, namespace }, template(kind, label))
}

function template(kind: string, labels: Readonly<Record<string, string>>): unknown {
  if (kind === 'Pod') return { metadata: { labels } }
  const inside = { spec: { template: { metadata: { labels } } } }
  return kind === 'CronJob' ? { spec: { jobTemplate: inside } } : inside
}
