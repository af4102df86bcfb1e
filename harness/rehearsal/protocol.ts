/** A port of a Service or a container, as far as it says what it speaks. */
export interface NamedPort {
  readonly name?: string
  readonly appProtocol?: string
}

/** What callers with HTTP/1.1 get no answer from; anything else Istio finds out by itself. */
const others =
  /^(tcp|tls|https|udp|sctp|mongo|mysql|redis|postgres|postgresql|amqp|kafka|http2|h2c|grpc|hbone)$/

/**
 * `appProtocol`, else the port name up to its first dash; without either it is detected
 * (https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/).
 */
export function speaksHttp({ name, appProtocol }: NamedPort): boolean {
  const said = (appProtocol ?? name ?? '').toLowerCase().replace('kubernetes.io/', '')
  const protocol = appProtocol === undefined ? said.split('-')[0] : said
  return !others.test(protocol ?? '')
}
