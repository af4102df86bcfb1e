import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clone, isObject, sameJson } from '../../cluster/api/json.ts'
import { parseLabelSelector } from '../../cluster/api/label-selector.ts'
import { jsonPatch } from '../../cluster/api/patch/json-patch.ts'
import { mergePatch } from '../../cluster/api/patch/merge-patch.ts'
import { strategicMerge } from '../../cluster/api/patch/strategic-merge.ts'

const plain = { noNullPrototype: true }
const names = fc.constantFrom('a', 'b', 'c', 'a/b', '~', 'name')
const { value: json } = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, 0, 1, '', 'x'),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(names, tie('value'), { maxKeys: 4, ...plain }),
}))
const object = fc.dictionary(names, json, { maxKeys: 4, ...plain })

/** The patch that leads from one to the other, as far as a merge patch can say it. */
function mergeDiff(from: unknown, to: unknown): unknown {
  if (!isObject(from) || !isObject(to)) return to
  const removed = Object.keys(from).filter((key) => !(key in to))
  const changed = Object.entries(to).filter(([key, value]) => !sameJson(from[key], value))
  return Object.fromEntries([
    ...removed.map((key) => [key, null]),
    ...changed.map(([key, value]) => [key, mergeDiff(from[key], value)]),
  ])
}

function withoutNulls(value: unknown): unknown {
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutNulls(member)]))
}

/** Every place in a document, as a JSON pointer. */
function pointers(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at]
  return [
    at,
    ...Object.entries(value).flatMap(([key, member]) =>
      pointers(member, `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    ),
  ]
}

test('a merge patch applied twice does what it did once', () => {
  fc.assert(
    fc.property(json, json, (target, patch) => {
      const once = mergePatch(target, patch)
      assert.deepEqual(mergePatch(once, patch), once)
    }),
  )
})

test('the difference of two objects, applied to the first, gives the second', () => {
  fc.assert(
    fc.property(object, object, (from, to) => {
      const wanted = withoutNulls(to)
      assert.deepEqual(mergePatch(from, mergeDiff(from, wanted)), wanted)
    }),
  )
})

test('no patch changes its arguments', () => {
  fc.assert(
    fc.property(object, object, (target, patch) => {
      const before = clone([target, patch])
      mergePatch(target, patch)
      strategicMerge(target, { a: patch.a })
      jsonPatch(target, [{ op: 'add', path: '/new', value: patch }])
      assert.deepEqual([target, patch], before)
    }),
  )
})

test('without lists a strategic patch is a merge patch', () => {
  const flat = fc.dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.oneof(
      fc.constantFrom(null, 1, 'x'),
      fc.dictionary(fc.constantFrom('d', 'e'), fc.constantFrom(null, 2, 'y'), plain),
    ),
    plain,
  )
  fc.assert(
    fc.property(flat, flat, (target, patch) => {
      assert.deepEqual(strategicMerge(target, patch), mergePatch(target, patch))
    }),
  )
})

test('every place in a document passes its own test, and replacing it with itself changes nothing', () => {
  fc.assert(
    fc.property(object, (document) => {
      for (const path of pointers(document)) {
        const value = jsonPatch({ document }, [
          { op: 'copy', from: `/document${path}`, path: '/copied' },
        ]) as { copied: unknown }
        const patched = jsonPatch(document, [
          { op: 'test', path, value: value.copied },
          { op: 'replace', path, value: value.copied },
        ])
        assert.deepEqual(patched, document)
      }
    }),
  )
})

test('adding and then removing a member gives the document back', () => {
  fc.assert(
    fc.property(object, json, (document, value) => {
      const operations = [
        { op: 'add', path: '/fresh', value },
        { op: 'remove', path: '/fresh' },
      ]
      assert.deepEqual(jsonPatch(document, operations), document)
    }),
  )
})

const labels = fc.dictionary(
  fc.constantFrom('app', 'tier', 'x.io/y'),
  fc.constantFrom('a', 'b', ''),
)
const key = fc.constantFrom('app', 'tier', 'x.io/y')
const values = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 })

test('each selector operator is the opposite of its opposite, whatever the labels', () => {
  fc.assert(
    fc.property(labels, key, values, (map, name, list) => {
      const matches = (selector: string) => parseLabelSelector(selector)(map)
      const one = list[0]
      assert.equal(matches(`${name}=${one}`), !matches(`${name}!=${one}`))
      assert.equal(matches(name), !matches(`!${name}`))
      assert.equal(matches(`${name} in (${list})`), !matches(`${name} notin (${list})`))
      assert.equal(matches(`${name} in (${one})`), matches(`${name}==${one}`))
    }),
  )
})

test('a comma between requirements means both, in any order and spacing', () => {
  const requirement = fc.oneof(
    key,
    key.map((name) => `!${name}`),
    fc.tuple(key, values).map(([name, list]) => `${name} notin (${list.join(', ')})`),
    fc.tuple(key, values).map(([name, list]) => `${name}=${list[0]}`),
  )
  fc.assert(
    fc.property(labels, requirement, requirement, (map, a, b) => {
      const both = parseLabelSelector(a)(map) && parseLabelSelector(b)(map)
      assert.equal(parseLabelSelector(`${a},${b}`)(map), both)
      assert.equal(parseLabelSelector(` ${b} , ${a} `)(map), both)
    }),
  )
})
