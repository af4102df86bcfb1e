/** A workload's name inside a mesh: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export interface SpiffeId {
  readonly trustDomain: string
  readonly namespace: string
  readonly serviceAccount: string
}

const SCHEME = 'spiffe://'

/** Undefined for anything but exactly the five parts above, as istio/ztunnel src/identity/manager.rs. */
export function parseSpiffe(uri: string): SpiffeId | undefined {
  if (!uri.startsWith(SCHEME)) return undefined
  const [trustDomain, ns, namespace, sa, serviceAccount, ...rest] = uri
    .slice(SCHEME.length)
    .split('/')
  if (ns !== 'ns' || sa !== 'sa' || rest.length > 0) return undefined
  if (!trustDomain || !namespace || !serviceAccount) return undefined
  return { trustDomain, namespace, serviceAccount }
}

/** What policies compare: the identity without its scheme. */
export function principalOf(identity: string): string {
  return identity.startsWith(SCHEME) ? identity.slice(SCHEME.length) : identity
}

/**
 * URI names out of the text form that node gives of a subject alternative name. A value that holds
 * a separator comes as a JSON string (nodejs.org CVE-2021-44532), so that it cannot forge a second
 * name; hence the scan instead of a split.
 */
export function uriNames(subjectAltName: string | undefined): string[] {
  const names: string[] = []
  const entry = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/y
  const text = subjectAltName ?? ''
  for (let match = entry.exec(text); match !== null; match = entry.exec(text)) {
    const value = match[2] ?? ''
    if (match[1] !== 'URI') continue
    names.push(value.startsWith('"') ? String(JSON.parse(value)) : value)
  }
  return names
}
