import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseSpiffe, principalOf, uriNames } from '../../proxies/identity/spiffe.ts'
import { checkServer } from '../../proxies/identity/verify.ts'

const WEB = 'spiffe://cluster.local/ns/shop/sa/web'

describe('SPIFFE identities', () => {
  test('are read into their parts', () => {
    assert.deepEqual(parseSpiffe(WEB), {
      trustDomain: 'cluster.local',
      namespace: 'shop',
      serviceAccount: 'web',
    })
    assert.equal(principalOf(WEB), 'cluster.local/ns/shop/sa/web')
  })

  for (const text of [
    '',
    'https://cluster.local/ns/shop/sa/web',
    'spiffe://cluster.local',
    'spiffe://cluster.local/ns/shop',
    'spiffe://cluster.local/ns/shop/sa/web/more',
    'spiffe://cluster.local/sa/web/ns/shop',
    'spiffe:///ns/shop/sa/web',
    'spiffe://cluster.local/ns//sa/web',
    'spiffe://cluster.local/ns/shop/sa/',
  ]) {
    test(`"${text}" is none`, () => assert.equal(parseSpiffe(text), undefined))
  }

  test('are found among the names of a certificate', () => {
    assert.deepEqual(uriNames(undefined), [])
    assert.deepEqual(uriNames('DNS:a.example'), [])
    assert.deepEqual(uriNames(`DNS:a.example, URI:${WEB}, IP Address:10.0.0.1, URI:https://b/`), [
      WEB,
      'https://b/',
    ])
  })

  test('cannot be smuggled in through a name that contains a separator', () => {
    const forged = 'https://evil.example/, URI:spiffe://cluster.local/ns/shop/sa/admin'
    assert.deepEqual(uriNames(`URI:${JSON.stringify(forged)}`), [forged])
    assert.deepEqual(uriNames(`DNS:${JSON.stringify(`x, URI:${WEB}`)}`), [])
  })

  test('of a server must equal an expected one exactly; an empty set accepts nobody', () => {
    assert.equal(checkServer(`URI:${WEB}`, [WEB]), undefined)
    assert.equal(checkServer(`URI:${WEB}`, [])?.code, 'PEER_IDENTITY')
    assert.equal(checkServer(`URI:${WEB}`, [`${WEB}x`, WEB.slice(0, -1)])?.code, 'PEER_IDENTITY')
    assert.equal(checkServer(undefined, [WEB])?.code, 'PEER_IDENTITY')
  })
})
