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

type Bencher = Record<
  string,
  Record<string, { value: number; lower_value?: number; upper_value?: number }>
>

const odd = analyse(makeResult({ modes: ['sidecar'], rounds: 3, workload: 'a b/c=\n"d"' }))

test('Bencher finds its documented shape: benchmark, measure by slug, value with optional bounds', async () => {
  for (const run of [small, odd]) {
    const [file] = await renderAll(run, ['bencher'])
    const benchmarks = Object.entries(JSON.parse(file?.content ?? '') as Bencher)
    assert.ok(benchmarks.length > 0)
    for (const [benchmark, measures] of benchmarks) {
      assert.ok(benchmark.length > 0 && benchmark.length <= 1024)
      for (const [measure, metric] of Object.entries(measures)) {
        // https://bencher.dev/docs/reference/bencher-metric-format
        assert.match(measure, /^[a-z0-9]+(-[a-z0-9]+)*$/)
        assert.ok(measure.length <= 64)
        const { value, lower_value: low = value, upper_value: high = value, ...more } = metric
        assert.deepEqual(more, {})
        for (const number of [value, low, high]) assert.equal(typeof number, 'number')
        assert.ok(low <= value && value <= high, `${measure}: ${low} ${value} ${high}`)
      }
    }
  }
})

test('github-action-benchmark finds names that differ, and only figures where less is better', async () => {
  const [file] = await renderAll(small, ['github-action-benchmark'])
  const entries = JSON.parse(file?.content ?? '') as Record<string, unknown>[]
  const names = entries.map(({ name }) => String(name))
  assert.equal(new Set(names).size, names.length)
  for (const { name, unit, value, range = '', extra, ...more } of entries) {
    assert.deepEqual([typeof name, typeof unit, typeof value], ['string', 'string', 'number'])
    assert.deepEqual([typeof range, typeof extra], ['string', 'string'])
    assert.deepEqual(more, {})
  }
  assert.ok(!names.some((name) => /rate/i.test(name)), 'the achieved rate is better when larger')
})

test('fortio finds a histogram per mode whose counts, percentiles and rate are those of the run', async () => {
  const files = await renderAll(small, ['fortio'])
  assert.deepEqual(
    files.map(({ name }) => name),
    ['fortio/sidecar.json', 'fortio/ambient.json'],
  )
  const run = JSON.parse(files[0]?.content ?? '') as {
    RunType: string
    RequestedQPS: string
    ActualQPS: number
    ActualDuration: number
    RetCodes: Record<string, number>
    DurationHistogram: {
      Count: number
      Avg: number
      Data: { Start: number; End: number; Percent: number; Count: number }[]
      Percentiles: { Percentile: number; Value: number }[]
    }
  }
  const windows = small.modes.sidecar?.windows ?? []
  const ok = windows.reduce((sum, { outcomes }) => sum + outcomes.ok, 0)
  assert.deepEqual([run.RunType, run.RequestedQPS, run.ActualQPS], ['HTTP', '400', 400])
  assert.equal(run.ActualDuration, 20e9)
  assert.deepEqual(run.RetCodes, { 200: ok })
  const { Count, Avg, Data, Percentiles } = run.DurationHistogram
  assert.equal(Count, ok)
  assert.equal(
    Data.reduce((sum, bucket) => sum + bucket.Count, 0),
    ok,
  )
  assert.ok(Math.abs((Data.at(-1)?.Percent ?? 0) - 100) < 1e-9)
  for (const [index, { Start, End }] of Data.entries()) {
    assert.ok(Start <= End)
    if (index > 0) assert.equal(Start, Data[index - 1]?.End)
  }
  // Two windows of some 1.8 ms: what they have together lies between them.
  const p50 = Percentiles.find(({ Percentile }) => Percentile === 50)?.Value ?? 0
  const own = windows.map(({ latencyUs }) => (latencyUs.p50 ?? 0) / 1e6)
  assert.ok(p50 >= Math.min(...own) && p50 <= Math.max(...own), `${p50} s of ${own.join(', ')}`)
  assert.ok(Avg > p50)
  assert.deepEqual(
    Percentiles.map(({ Percentile }) => Percentile),
    [50, 75, 90, 95, 99],
  )
})

test('a workload of any name is one word in a benchmark name', async () => {
  const [file] = await renderAll(odd, ['benchstat'])
  const lines = (file?.content ?? '').split('\n').filter((line) => line.startsWith('Benchmark'))
  assert.equal(lines.length, 3)
  for (const line of lines)
    assert.match(line, /^BenchmarkMesh\/workload=[^\s/=]+\/mode=sidecar\t\d+\t/)
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
