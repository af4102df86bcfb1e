/** One request or connection as the access log tells it; undefined is printed as `-`. */
export interface AccessEntry {
  /** Epoch milliseconds. */
  readonly startMs: number
  /** Undefined: a connection whose bytes are not looked into. */
  readonly request:
    | {
        readonly method: string
        readonly path: string
        readonly authority: string
        /** `HTTP/1.1`. */
        readonly protocol: string
        /** By lower-case name. */
        readonly header: (name: string) => string | undefined
      }
    | undefined
  /** 0 when the client got no answer. */
  readonly status: number
  /** Envoy's, `UF,URX`. */
  readonly flags: string
  readonly details: string | undefined
  readonly terminationDetails: string | undefined
  /** Why the endpoint could not be connected to. */
  readonly transportFailure: string | undefined
  /** Bodies; of a connection all bytes. From the client. */
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly durationMs: number
  /** From sending the request until the first byte of the answer. */
  readonly upstreamServiceMs: number | undefined
  readonly grpcStatus: string | undefined
  /** Addresses are `ip:port`. */
  readonly upstreamHost: string | undefined
  readonly upstreamCluster: string | undefined
  readonly upstreamLocal: string | undefined
  readonly downstreamLocal: string | undefined
  readonly downstreamRemote: string | undefined
  readonly routeName: string | undefined
}
