import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { WorkloadCertificate } from '../config/process.ts'
import { ProxyError } from '../errors.ts'
import { parseSpiffe } from './spiffe.ts'

/** What this process may prove to be, ready for use in handshakes of either side. */
export interface Credential {
  readonly identity: string
  readonly trustDomain: string
  readonly certificate: WorkloadCertificate
  /** Built at first use: a ztunnel holds many identities and most of them only ever listen. */
  secureContext(): SecureContext
}

/**
 * TLS 1.3 with the two suites ztunnel has (istio/ztunnel src/tls/lib.rs). Without tickets nothing
 * can be resumed, so a rotated or revoked certificate is never outlived by a session.
 */
export function secureContextOptions(certificate: WorkloadCertificate): SecureContextOptions {
  return {
    cert: certificate.certChainPem,
    key: certificate.privateKeyPem,
    ca: certificate.rootsPem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256',
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

/**
 * Identity -> credential.
 * - A snapshot replaces all; an unchanged certificate keeps its credential object, so holders compare
 *   by reference to notice a rotation.
 * - Keys never leave it except into a TLS context.
 */
export class CertificateStore {
  #credentials = new Map<string, Credential>()

  replace(certificates: readonly WorkloadCertificate[]): void {
    const next = new Map<string, Credential>()
    for (const certificate of certificates) {
      const old = this.#credentials.get(certificate.identity)
      next.set(
        certificate.identity,
        old && sameCertificate(old.certificate, certificate) ? old : createCredential(certificate),
      )
    }
    this.#credentials = next
  }

  get(identity: string): Credential {
    const credential = this.#credentials.get(identity)
    if (!credential) {
      throw new ProxyError('IDENTITY_MISSING', `no certificate for ${identity}`)
    }
    return credential
  }

  has(identity: string): boolean {
    return this.#credentials.has(identity)
  }
}

export function createCredential(certificate: WorkloadCertificate): Credential {
  const id = parseSpiffe(certificate.identity)
  if (!id) {
    throw new ProxyError(
      'CONFIG_INVALID',
      `not a SPIFFE workload identity: ${certificate.identity}`,
    )
  }
  let context: SecureContext | undefined
  return {
    identity: certificate.identity,
    trustDomain: id.trustDomain,
    certificate,
    secureContext: () => {
      context ??= createSecureContext(secureContextOptions(certificate))
      return context
    },
  }
}

function sameCertificate(a: WorkloadCertificate, b: WorkloadCertificate): boolean {
  return (
    a.certChainPem === b.certChainPem &&
    a.privateKeyPem === b.privateKeyPem &&
    a.rootsPem === b.rootsPem
  )
}
