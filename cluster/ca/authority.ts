import { webcrypto } from 'node:crypto'
import type * as X509 from '@peculiar/x509'
import type { WorkloadCertificate } from '../../proxies/config/process.ts'
import { ClusterError } from '../errors.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** Istio's default (`SECRET_TTL`). */
const WORKLOAD_LIFETIME_MS = DAY_MS
const SERVING_LIFETIME_MS = 365 * DAY_MS
const ROOT_LIFETIME_MS = 10 * 365 * DAY_MS
/** Peers whose clocks run behind accept a fresh certificate all the same. */
const CLOCK_SKEW_MS = 2 * MINUTE_MS
/** Root and server outlive a clock that is set back; workloads get new certificates then. */
const BACKDATED_MS = 365 * DAY_MS

/** EC, because OpenSSL takes an RSA leaf with an empty subject for self-signed. */
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNING_ALGORITHM = { ...KEY_ALGORITHM, hash: 'SHA-256' } as const

export interface AuthorityOptions {
  readonly trustDomain: string
}

export interface ServingCertificate {
  readonly certChainPem: string
  readonly privateKeyPem: string
}

export interface Authority {
  readonly trustDomain: string
  readonly rootPem: string
  issueServing(names: {
    readonly dnsNames: readonly string[]
    readonly ipAddresses: readonly string[]
  }): Promise<ServingCertificate>
  /** An X.509 SVID for `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
  issueWorkload(spiffeId: string, validity?: WorkloadValidity): Promise<WorkloadCertificate>
}

export interface WorkloadValidity {
  /** @default 24 h */
  readonly lifetimeMs?: number
  /** Start of the lifetime, epoch milliseconds. @default now, with an allowance for clock skew */
  readonly notBeforeMs?: number
}

/** A root that signs leaves directly; its key never leaves this process. */
export async function createAuthority({ trustDomain }: AuthorityOptions): Promise<Authority> {
  const x509 = await loadX509()
  const usage = x509.KeyUsageFlags
  const rootKeys = await generateKeys()
  const subjectKeyId = await x509.SubjectKeyIdentifierExtension.create(rootKeys.publicKey)
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: [trustDomain] }, { CN: ['meshbench root'] }],
    keys: rootKeys,
    signingAlgorithm: SIGNING_ALGORITHM,
    ...period(Date.now() - BACKDATED_MS, Date.now() + ROOT_LIFETIME_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(usage.keyCertSign | usage.cRLSign, true),
      subjectKeyId,
    ],
  })
  const rootPem = pem(root.toString('pem'))
  const authorityKeyId = await x509.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey)

  async function issue(leaf: {
    readonly subject: X509.JsonName
    readonly names: X509.SubjectAlternativeNameExtension
    readonly uses: readonly string[]
    readonly notBefore: Date
    readonly notAfter: Date
  }): Promise<ServingCertificate> {
    const keys = await generateKeys()
    const certificate = await x509.X509CertificateGenerator.create({
      subject: leaf.subject,
      issuer: root.subject,
      publicKey: keys.publicKey,
      signingKey: rootKeys.privateKey,
      signingAlgorithm: SIGNING_ALGORITHM,
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(usage.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([...leaf.uses]),
        leaf.names,
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        authorityKeyId,
      ],
    })
    const privateKey = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
    return {
      certChainPem: pem(certificate.toString('pem')),
      privateKeyPem: pem(x509.PemConverter.encode(privateKey, 'PRIVATE KEY')),
    }
  }

  return {
    trustDomain,
    rootPem,

    issueServing: ({ dnsNames, ipAddresses }) =>
      issue({
        subject: [{ CN: [dnsNames[0] ?? ipAddresses[0] ?? 'server'] }],
        names: new x509.SubjectAlternativeNameExtension([
          ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
          ...ipAddresses.map((value) => ({ type: 'ip', value }) as const),
        ]),
        uses: [x509.ExtendedKeyUsage.serverAuth],
        ...period(Date.now() - BACKDATED_MS, Date.now() + SERVING_LIFETIME_MS),
      }),

    issueWorkload: async (identity, validity = {}) => {
      checkIdentity(identity, trustDomain)
      const begin = validity.notBeforeMs ?? Date.now()
      const lifetimeMs = validity.lifetimeMs ?? WORKLOAD_LIFETIME_MS
      const times = period(validity.notBeforeMs ?? begin - CLOCK_SKEW_MS, begin + lifetimeMs)
      const issued = await issue({
        // Peers go by the URI alone; without a subject it has to be critical (RFC 5280, 4.2.1.6).
        subject: [],
        names: new x509.SubjectAlternativeNameExtension([{ type: 'url', value: identity }], true),
        // Every workload is client and server.
        uses: [x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth],
        ...times,
      })
      return {
        identity,
        ...issued,
        rootsPem: rootPem,
        notBeforeMs: times.notBefore.getTime(),
        notAfterMs: times.notAfter.getTime(),
      }
    },
  }
}

/** Loaded when first needed: it takes about 90 ms, and its decorators need reflect-metadata first. */
async function loadX509(): Promise<typeof X509> {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify'])
}

/** Certificates count in whole seconds. */
function period(notBeforeMs: number, notAfterMs: number): { notBefore: Date; notAfter: Date } {
  const wholeSecond = (ms: number) => new Date(Math.floor(ms / 1000) * 1000)
  return { notBefore: wholeSecond(notBeforeMs), notAfter: wholeSecond(notAfterMs) }
}

function pem(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}

function checkIdentity(identity: string, trustDomain: string): void {
  const parts = /^spiffe:\/\/([^/]+)\/ns\/[^/]+\/sa\/[^/]+$/.exec(identity)
  if (parts?.[1] === trustDomain) return
  throw new ClusterError(`"${identity}" is not an identity of the trust domain ${trustDomain}`, {
    code: 'CA_IDENTITY',
    hint: `Ask for spiffe://${trustDomain}/ns/<namespace>/sa/<service account>.`,
    exitCode: 70,
  })
}
