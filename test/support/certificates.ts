import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { WorkloadCertificate } from '../../proxies/config/process.ts'

/** A certificate authority for one test file. */
export interface TestAuthority {
  readonly rootPem: string
  issue(identity: string, options?: IssueOptions): Promise<WorkloadCertificate>
  /** What a certificate signing request asks for: its key and its names. PEM. */
  sign(requestPem: string): Promise<string>
}

export interface IssueOptions {
  /** URI names in the certificate instead of `identity` itself; none = no such extension. */
  readonly uris?: readonly string[]
  /** DNS names besides, for peers that know no others. */
  readonly dnsNames?: readonly string[]
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  /** Extended key usage, default both sides. */
  readonly usages?: readonly ('server' | 'client')[]
  /** Roots its holder trusts, default this authority's. */
  readonly rootsPem?: string
}

const EXTENDED_KEY_USAGES = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
} as const

const HOUR_MS = 3_600_000
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export async function createTestAuthority(name = 'test root'): Promise<TestAuthority> {
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0])
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `O=${name}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + 24 * HOUR_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  })
  const rootPem = root.toString('pem')
  return {
    rootPem,
    sign: async (requestPem) => {
      const request = new x509.Pkcs10CertificateRequest(requestPem)
      if (!(await request.verify())) throw new Error('the request is not signed by its own key')
      const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'
      const names = request.getExtension(SUBJECT_ALTERNATIVE_NAME)
      if (!names) throw new Error('the request names nobody')
      const leaf = await x509.X509CertificateGenerator.create({
        issuer: root.subject,
        signingKey: keys.privateKey,
        publicKey: await request.publicKey.export(),
        signingAlgorithm: algorithm,
        notBefore: new Date(Date.now() - 60_000),
        notAfter: new Date(Date.now() + HOUR_MS),
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension(Object.values(EXTENDED_KEY_USAGES)),
          new x509.SubjectAlternativeNameExtension(names.rawData),
        ],
      })
      return leaf.toString('pem')
    },
    issue: async (identity, options = {}) => {
      const leafKeys = (await webcrypto.subtle.generateKey(algorithm, true, [
        'sign',
        'verify',
      ])) as webcrypto.CryptoKeyPair
      const notBeforeMs = options.notBeforeMs ?? Date.now() - 60_000
      const notAfterMs = options.notAfterMs ?? Date.now() + HOUR_MS
      const uris = options.uris ?? [identity]
      const leaf = await x509.X509CertificateGenerator.create({
        issuer: root.subject,
        signingKey: keys.privateKey,
        publicKey: leafKeys.publicKey,
        signingAlgorithm: algorithm,
        notBefore: new Date(notBeforeMs),
        notAfter: new Date(notAfterMs),
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension(
            (options.usages ?? ['server', 'client']).map((side) => EXTENDED_KEY_USAGES[side]),
          ),
          ...(uris.length > 0
            ? [
                new x509.SubjectAlternativeNameExtension(
                  [
                    ...uris.map((value) => ({ type: 'url' as const, value })),
                    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
                  ],
                  true,
                ),
              ]
            : []),
        ],
      })
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey)
      return {
        identity,
        certChainPem: leaf.toString('pem'),
        privateKeyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
        rootsPem: options.rootsPem ?? rootPem,
        notBeforeMs,
        notAfterMs,
      }
    },
  }
}
