/**
 * Istio's sidecars know each other by what they offer and agree on an ordinary name
 * (istio/istio pilot/pkg/networking/util: ALPNInMeshHTTP11 and others).
 */
export const HTTP_ALPN = ['istio-http/1.1', 'istio', 'http/1.1'] as const
export const HTTP2_ALPN = ['istio-h2', 'istio', 'h2'] as const
export const TCP_ALPN = ['istio'] as const
/** What the server side selects from, best first. */
export const SERVER_ALPN = ['h2', 'http/1.1', 'istio'] as const

export function offersIstio(alpn: readonly string[]): boolean {
  return alpn.some((name) => name === 'istio' || name.startsWith('istio-'))
}
