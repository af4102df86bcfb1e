export interface HealthAnswer {
  readonly status: number
  readonly text: string
}

/** What `/healthz` says: a service that is leaving takes no new clients. */
export function healthAnswer(draining: boolean): HealthAnswer {
  return draining ? { status: 503, text: 'draining\n' } : { status: 200, text: 'ok\n' }
}
