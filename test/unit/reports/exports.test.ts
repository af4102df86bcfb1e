import assert from 'node:assert/strict'
import { test } from 'node:test'
import { result as schema } from '../../../harness/result/schema.ts'
import { analyse } from '../../../reports/analyse.ts'
import { formats, renderAll } from '../../../reports/render.ts'
import { assertGolden } from '../../fixtures/golden.ts'
import { makeResult } from '../../fixtures/result.ts'

const hostile = '</title><script>alert(1)</script>'
const small = analyse(makeResult({ modes: ['sidecar', 'ambient'], rounds: 2 }))

test('exports for other tools are the ones that were read and agreed to', async () => {
  const wanted = ['junit', 'benchstat', 'github-action-benchmark', 'bencher'] as const
  for (const { name, content } of await renderAll(small, wanted)) assertGolden(name, content)
})

test('benchstat finds one line per valid window, each a pair of value and unit', async () => {
  const [file] = await renderAll(small, ['benchstat'])
  const lines = (file?.content ?? '').split('\n').filter((line) => line.startsWith('Benchmark'))
  assert.equal(lines.length, 4)
  for (const line of lines) {
    const [name, count, ...figures] = line.split('\t')
    assert.match(name ?? '', /^BenchmarkMesh\/workload=chain\/mode=(sidecar|ambient)$/)
    assert.equal(count, '4000')
    for (const figure of figures) assert.match(figure, /^-?\d+(\.\d+)?(e-?\d+)? \S+$/)
  }
})

test('the JSON format is a result by the published schema, with everything analysed', async () => {
  const [file] = await renderAll(small, ['json'])
  assert.deepEqual(schema.parse(JSON.parse(file?.content ?? '')), small)
})

test('charts as files need no style sheet and carry finding, legend and units', async () => {
  const files = await renderAll(analyse(makeResult({ rounds: 2, workload: hostile })), ['svg'])
  assert.ok(files.length >= 6, `${files.length} files`)
  for (const { name, content } of files) {
    assert.match(name, /^charts\/[a-z-]+\.svg$/)
    assert.match(content, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" role="img"/)
    assert.doesNotMatch(content, /var\(--|<script|NaN|undefined/)
    assert.match(content, /<title id="title">.+<\/title>/)
  }
})

test('a run that is not valid is an error in JUnit', async () => {
  const [file] = await renderAll({ ...small, status: 'interrupted' }, ['junit'])
  assert.match(file?.content ?? '', /errors="1"[\s\S]*<error message="interrupted"/)
})

test('every format writes a file, and no two the same one', async () => {
  const names = (await renderAll(small, formats)).map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  assert.ok(!names.includes('result.json'), 'the measurement itself is never written over')
})
