import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { type AutocannonClient, assertHooks } from '../../harness/load/autocannon-client.ts'

const require = createRequire(import.meta.url)

test('the installed autocannon still sends and reconnects through the methods we replace', () => {
  const path = require.resolve('autocannon/lib/httpClient.js')
  const { prototype } = require(path) as { prototype: AutocannonClient }
  assert.doesNotThrow(() => assertHooks(prototype))
  const source = readFileSync(path, 'utf8')
  // Every write is in _doRequest, every new connection in _connect.
  assert.equal(source.match(/\.conn\.write\(/g)?.length, 1)
  const body = (name: string): string =>
    source.slice(source.indexOf(`Client.prototype.${name} = `)).split('\n}\n')[0] ?? ''
  assert.match(body('_doRequest'), /\.conn\.write\(/)
  assert.equal(body('_connect').match(/(?:net|tls)\.connect\(/g)?.length, 4)
  assert.equal(source.match(/(?:net|tls)\.connect\(/g)?.length, 4)
})

test('an autocannon without those methods is refused by name', () => {
  assert.throws(() => assertHooks({ _connect: () => {} } as unknown as AutocannonClient), {
    code: 'engine-changed',
    message: /no longer has _doRequest, _destroyConnection/,
  })
})
