import type { WorkloadCertificate } from '../../proxies/config/process.ts'

export interface CertificateIssuer {
  issueWorkload(
    spiffeId: string,
    validity?: { readonly lifetimeMs?: number },
  ): Promise<WorkloadCertificate>
}

export interface CertificatesOptions {
  readonly issuer: CertificateIssuer
  readonly lifetimeMs: number
  /** There is a new certificate to hand out. */
  readonly onIssued: () => void
  readonly onError: (error: unknown) => void
}

const firstRetryMs = 1_000
const lastRetryMs = 150_000

interface Held {
  certificate?: WorkloadCertificate
  timer?: NodeJS.Timeout
}

/**
 * A certificate for every identity in use, renewed at half its life, as ztunnel does. When that fails
 * the old one serves on and renewal is tried again, less and less often.
 */
export class Certificates {
  readonly #options: CertificatesOptions
  readonly #held = new Map<string, Held>()

  constructor(options: CertificatesOptions) {
    this.#options = options
  }

  /** Undefined until it is issued; then `onIssued` is called. */
  get(identity: string): WorkloadCertificate | undefined {
    const held = this.#held.get(identity)
    if (held) return held.certificate
    const made: Held = {}
    this.#held.set(identity, made)
    void this.#issue(identity, made, firstRetryMs)
    return undefined
  }

  /** Lets go of identities nobody runs under any more. */
  retain(identities: ReadonlySet<string>): void {
    for (const [identity, { timer }] of this.#held) {
      if (identities.has(identity)) continue
      clearTimeout(timer)
      this.#held.delete(identity)
    }
  }

  /** All anew: what is valid now was valid by another clock. */
  renew(): void {
    for (const [identity, held] of this.#held) {
      // One that is being issued for the first time is as new as can be.
      if (held.certificate === undefined) continue
      clearTimeout(held.timer)
      void this.#issue(identity, held, firstRetryMs)
    }
  }

  stop(): void {
    this.retain(new Set())
  }

  async #issue(identity: string, held: Held, retryMs: number): Promise<void> {
    const { issuer, lifetimeMs, onIssued, onError } = this.#options
    let failure: unknown
    try {
      held.certificate = await issuer.issueWorkload(identity, { lifetimeMs })
    } catch (error) {
      failure = error
    }
    if (this.#held.get(identity) !== held) return
    const failed = failure !== undefined
    const followingMs = failed ? Math.min(retryMs * 2, lastRetryMs) : firstRetryMs
    const again = (): void => void this.#issue(identity, held, followingMs)
    held.timer = setTimeout(again, failed ? retryMs : lifetimeMs / 2)
    held.timer.unref()
    if (failed) onError(failure)
    else onIssued()
  }
}
