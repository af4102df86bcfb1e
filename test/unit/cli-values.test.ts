import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeFailure, formatFailure, UsageError } from '../../cli/errors.ts'
import { settleRunOptions } from '../../cli/run/settings.ts'
import { formatDuration, parseDurationMs } from '../../cli/values/duration.ts'
import { parseSizeBytes } from '../../cli/values/size.ts'
import { HarnessError } from '../../harness/errors.ts'

const range = { minMs: 100, maxMs: 3_600_000 }

test('durations carry a unit', () => {
  const values = ['500ms', '5s', '1.5m', '1h'].map((text) => parseDurationMs('--d', text, range))
  assert.deepEqual(values, [500, 5000, 90_000, 3_600_000])
  assert.deepEqual(values.map(formatDuration), ['500ms', '5s', '1.5m', '1h'])
})

test('sizes are powers of 1024 in any spelling', () => {
  const values = ['512', '1k', '1K', '1KB', '1KiB', '1.5 kib', '2mb', '64b'].map((text) =>
    parseSizeBytes('--payload', text, 16 * 1024 ** 2),
  )
  assert.deepEqual(values, [512, 1024, 1024, 1024, 1024, 1536, 2 * 1024 ** 2, 64])
})

test('what was not said has a default, and --quick another one', () => {
  const usual = settleRunOptions({}, [])
  assert.deepEqual(
    [usual.ratePerSecond, usual.connections, usual.responseBytes, usual.rounds],
    [400, 16, 1024, 10],
  )
  assert.deepEqual([usual.warmupMs, usual.durationMs, usual.model], [2000, 4000, 'open'])
  const quick = settleRunOptions({ quick: true }, [])
  assert.deepEqual([quick.rounds, quick.warmupMs, quick.durationMs], [3, 1000, 3000])
  assert.equal(settleRunOptions({ quick: true, rounds: '5' }, []).rounds, 5)
})

test('the longest warm-up alone also bounds the least one', () => {
  const { warmupMs, warmupMaxMs } = settleRunOptions({ warmupMax: '1s' }, [])
  assert.deepEqual([warmupMs, warmupMaxMs], [1000, 1000])
})

test('a closed loop has no rate', () => {
  const { model, ratePerSecond } = settleRunOptions({ saturate: true }, [])
  assert.deepEqual([model, ratePerSecond], ['closed', null])
})

test('modes come in the order of display, each once', () => {
  const { modes } = settleRunOptions({ modes: 'ambient, sidecar,ambient' }, [])
  assert.deepEqual(modes, ['sidecar', 'ambient'])
})

const refusals: readonly [Parameters<typeof settleRunOptions>[0], RegExp, RegExp][] = [
  [{ rate: '-5' }, /^--rate -5 is out of range$/, /from 1 to 50000/],
  [{ rate: 'fast' }, /^--rate takes a number, not "fast"$/, /--rate 4/],
  [{ rate: '' }, /^--rate takes a number, not ""$/, /for example/],
  [{ rounds: '2.5' }, /^--rounds takes a whole number, not "2.5"$/, /--rounds 4/],
  [{ connections: '0' }, /^--connections 0 is out of range$/, /from 1 to 1024/],
  [{ duration: '5' }, /^--duration 5 has no unit$/, /did you mean --duration 5s\?/],
  [{ duration: '1ms' }, /^--duration 1ms is out of range$/, /500ms to 1h/],
  [{ warmup: 'soon' }, /^--warmup takes a duration, not "soon"$/, /5s or 500ms/],
  [{ payload: '1x' }, /^--payload takes a size, not "1x"$/, /1k or 64KiB/],
  [{ payload: '1024m' }, /^--payload 1024m is too large$/, /at most 16MiB/],
  [{ modes: 'sidecr' }, /^--modes: there is no mode "sidecr"$/, /did you mean sidecar\?/],
  [{ modes: 'sidecar,' }, /^--modes has an empty entry$/, /modes: baseline, sidecar/],
  [{ seed: '-1' }, /^--seed -1 is out of range$/, /from 0 to/],
  [{ rate: '5', saturate: true }, /^--rate and --saturate exclude each other$/, /leave one out/],
  [
    { warmup: '10s', warmupMax: '5s' },
    /^--warmup-max 5s is shorter than --warmup 10s$/,
    /leave --warmup-max out/,
  ],
]

for (const [raw, message, hint] of refusals) {
  test(`${JSON.stringify(raw)} is refused with one sentence and a hint`, () => {
    assert.throws(
      () => settleRunOptions(raw, []),
      (error: unknown) => {
        assert.ok(error instanceof UsageError)
        assert.match(error.message, message)
        assert.match(error.hint, hint)
        return error.exitCode === 2
      },
    )
  })
}

test('an error with a hint is shown as it is, with what lies beneath', () => {
  const error = new HarnessError('output-unwritable', 'cannot write to /x', {
    hint: 'name a folder',
    exitCode: 2,
    cause: new Error('EACCES'),
  })
  assert.equal(
    formatFailure(describeFailure(error), false),
    'error: cannot write to /x\n  cause: EACCES\n  hint: name a folder',
  )
})

test('an error of no known shape is an internal one and asks to be reported', () => {
  const failure = describeFailure(new TypeError('x is undefined'))
  assert.equal(failure.exitCode, 70)
  const text = formatFailure(failure, true)
  assert.match(text, /^error: unexpected: x is undefined\n {2}hint: .*report it/)
  assert.match(text, /TypeError: x is undefined\n +at /)
})
