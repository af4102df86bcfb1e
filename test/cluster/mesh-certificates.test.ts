import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { type CertificateIssuer, Certificates } from '../../cluster/mesh/certificates.ts'

const identity = 'spiffe://cluster.local/ns/shop/sa/cart'
const hourMs = 3_600_000

/** Issues numbered certificates, or fails while told to. */
function stage(t: { after(run: () => void): void }) {
  mock.timers.enable({ apis: ['setTimeout'] })
  let issued = 0
  let broken = false
  const errors: unknown[] = []
  const issuer: CertificateIssuer = {
    issueWorkload: async (spiffeId) => {
      if (broken) throw new Error('no')
      issued += 1
      return {
        identity: spiffeId,
        certChainPem: `chain ${issued}`,
        privateKeyPem: '',
        rootsPem: '',
        notBeforeMs: 0,
        notAfterMs: 0,
      }
    },
  }
  const certificates = new Certificates({
    issuer,
    lifetimeMs: 24 * hourMs,
    onIssued: () => undefined,
    onError: (error) => errors.push(error),
  })
  t.after(() => {
    certificates.stop()
    mock.timers.reset()
  })
  const pass = async (ms: number): Promise<void> => {
    mock.timers.tick(ms)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const breakIssuer = (value: boolean): void => {
    broken = value
  }
  return { certificates, pass, breakIssuer, errors, count: () => issued }
}

test('a certificate is renewed at half of its life', async (t) => {
  const { certificates, pass } = stage(t)
  assert.equal(certificates.get(identity), undefined)
  await pass(0)
  assert.equal(certificates.get(identity)?.certChainPem, 'chain 1')
  await pass(12 * hourMs - 1)
  assert.equal(certificates.get(identity)?.certChainPem, 'chain 1')
  await pass(1)
  assert.equal(certificates.get(identity)?.certChainPem, 'chain 2')
})

test('after a jump of the clock all are issued anew, and then at half of their life again', async (t) => {
  const { certificates, pass, count } = stage(t)
  certificates.get(identity)
  await pass(0)
  certificates.renew()
  await pass(0)
  assert.equal(certificates.get(identity)?.certChainPem, 'chain 2')
  await pass(12 * hourMs)
  assert.equal(count(), 3)
})

test('when renewal fails the old certificate stays and renewal is retried ever more slowly', async (t) => {
  const { certificates, pass, breakIssuer, errors } = stage(t)
  certificates.get(identity)
  await pass(0)
  breakIssuer(true)
  await pass(12 * hourMs)
  assert.equal(errors.length, 1)
  await pass(1_000)
  assert.equal(errors.length, 2)
  await pass(1_000)
  assert.equal(errors.length, 2)
  await pass(1_000)
  assert.equal(errors.length, 3)
  assert.equal(certificates.get(identity)?.certChainPem, 'chain 1')
  breakIssuer(false)
  await pass(4_000)
  assert.equal(certificates.get(identity)?.certChainPem, 'chain 2')
})

test('an identity nobody runs under is not renewed', async (t) => {
  const { certificates, pass, count } = stage(t)
  certificates.get(identity)
  await pass(0)
  certificates.retain(new Set())
  await pass(24 * hourMs)
  assert.equal(count(), 1)
})
