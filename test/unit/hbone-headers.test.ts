import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatAuthority, parseAuthority } from '../../proxies/hbone/authority.ts'
import {
  formatBaggage,
  formatForwarded,
  newTraceparent,
  parseBaggage,
  parseForwardedHost,
} from '../../proxies/hbone/headers.ts'
import { meshService, meshWorkload } from '../support/mesh-objects.ts'

const web = meshWorkload('web-1', {
  clusterId: 'Kubernetes',
  workloadName: 'web',
  workloadType: 'deployment',
  canonicalName: 'web',
  canonicalRevision: 'v2',
})

describe('HBONE headers', () => {
  test("baggage has Istio's keys in Istio's order, without spaces or empty parts", () => {
    assert.equal(
      formatBaggage(web),
      'k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=web,service.name=web,service.version=v2',
    )
    assert.equal(formatBaggage(meshWorkload('bare')), 'k8s.namespace.name=shop')
  })

  test('baggage is read back, unknown keys and empty values aside', () => {
    const read = parseBaggage(`${formatBaggage(web)},cloud.region=x,foo=bar,service.empty=`)
    assert.equal(read?.namespace, 'shop')
    assert.equal(read?.workloadName, 'web')
    assert.equal(read?.canonicalName, 'web')
    assert.equal(read?.canonicalRevision, 'v2')
    assert.equal(read?.clusterId, 'Kubernetes')
    assert.equal(parseBaggage(undefined), undefined)
    assert.equal(parseBaggage('=,,=x,y')?.namespace, '')
  })

  test('forwarded names the client and the service, and only the host is read', () => {
    const service = meshService('server', '10.1.0.1')
    const text = formatForwarded('10.0.0.1:4711', service)
    assert.equal(text, 'for="10.0.0.1:4711";host=server.shop.svc.cluster.local')
    assert.equal(parseForwardedHost(text), service.hostname)
    assert.equal(parseForwardedHost('for="10.0.0.1:4711"'), undefined)
    assert.equal(parseForwardedHost('host="a.example"'), 'a.example')
    assert.equal(formatForwarded('10.0.0.1:4711', undefined), 'for="10.0.0.1:4711"')
  })

  test('a traceparent is fresh and well formed', () => {
    const one = newTraceparent()
    assert.match(one, /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
    assert.notEqual(one, newTraceparent())
  })

  test('authorities take IPv4, bracketed IPv6 and host names', () => {
    for (const [text, host, port] of [
      ['10.0.0.1:80', '10.0.0.1', 80],
      ['[fd00::1]:8080', 'fd00::1', 8080],
      ['server.shop.svc.cluster.local:65535', 'server.shop.svc.cluster.local', 65_535],
    ] as const) {
      assert.deepEqual(parseAuthority(text), { host, port })
      assert.equal(formatAuthority({ host, port }), text)
    }
    for (const text of ['', ':80', 'a:', 'a:b', 'a:65536', 'fd00::1:80', 'a b:80', 'http://a:80']) {
      assert.equal(parseAuthority(text), undefined, text)
    }
  })
})
