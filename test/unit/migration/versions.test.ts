import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  compareVersions,
  isBefore,
  isWithin,
  parseVersion,
  versionOfImage,
} from '../../../migration/inventory/versions.ts'

test('a version is read from whatever an image’s tag looks like', () => {
  const table: readonly (readonly [string, readonly number[] | undefined])[] = [
    ['docker.io/istio/pilot:1.27.3', [1, 27, 3]],
    ['gcr.io/istio-release/pilot:1.30.3-distroless', [1, 30, 3]],
    ['registry.example:5000/istio/pilot:v1.30.1@sha256:abc', [1, 30, 1]],
    ['istio/pilot:1.30-alpha.3f2c1', [1, 30, 0]],
    ['istio/pilot:1.31.0-rc.0', [1, 31, 0]],
    ['istio/pilot:1.30', [1, 30, 0]],
    ['registry.example:5000/istio/pilot', undefined],
    ['istio/pilot@sha256:abc', undefined],
    ['istio/pilot:latest', undefined],
    ['istio/pilot:20260823', undefined],
    ['istio/pilot:1.2.3.4', undefined],
    ['istio/pilot', undefined],
    ['', undefined],
  ]
  for (const [image, expected] of table) {
    const version = versionOfImage(image)
    const read = version && [version.major, version.minor, version.patch]
    assert.deepEqual(read, expected, image)
  }
})

test('versions are compared by number, not by text', () => {
  const version = (text: string) => {
    const parsed = parseVersion(text)
    assert.ok(parsed, text)
    return parsed
  }
  assert.ok(compareVersions(version('1.9.0'), version('1.10.0')) < 0)
  assert.equal(compareVersions(version('1.30'), version('v1.30.0')), 0)
  assert.equal(isBefore(version('1.23.9'), '1.24'), true)
  assert.equal(isBefore(version('1.24.0'), '1.24'), false)
  assert.equal(isBefore(version('1.24-alpha.0'), '1.24'), false)
  assert.equal(isWithin(version('1.29.6'), '1.29.0', '1.29.6'), true)
  assert.equal(isWithin(version('1.29.7'), '1.29.0', '1.29.6'), false)
})
