import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Script } from 'node:vm'
import type { Result } from '../../../harness/result/schema.ts'
import { analyse } from '../../../reports/analyse.ts'
import { clientScript } from '../../../reports/html/client.ts'
import { html, jsonScript } from '../../../reports/html/markup.ts'
import { reportHtml } from '../../../reports/html/report.ts'
import { assertGolden } from '../../fixtures/golden.ts'
import { makeResult } from '../../fixtures/result.ts'

const still = (result: Result): Promise<string> => reportHtml(result, { interactive: false })
const found = analyse(makeResult())
const page = await still(found)

const hostileName = '</script><img src=x onerror=alert(1)>"\'&'

test('a workload whose name is markup stays text, in the page and in its data', async () => {
  const hostile = analyse(makeResult({ workload: hostileName, rounds: 2 }))
  const written = await still(hostile)
  assert.ok(!written.includes('<img'), 'an element came out of a name')
  assert.equal(written.match(/<\/script>/g)?.length, 2)
  const data = /<script type="application\/json" id="result">(.*?)<\/script>/s.exec(written)?.[1]
  assert.equal((JSON.parse(data ?? '') as Result).options.workload, hostileName)
})

test('every value in a template is escaped, in text and in attributes', () => {
  const written = html`<p title="${'"><b>'}">${'<&\'">'}${['<', 1, null]}</p>`.html
  assert.equal(written, '<p title="&#34;&#62;&#60;b&#62;">&#60;&#38;&#39;&#34;&#62;&#60;\n1\n</p>')
})

test('JSON in a script cannot end it', () => {
  const { html: written } = jsonScript('x', { a: '</script><!--\u2028' })
  assert.equal(
    written,
    '<script type="application/json" id="x">{"a":"\\u003c/script>\\u003c!--\\u2028"}</script>',
  )
})

test('headings start with one h1 and never skip a level', () => {
  const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level))
  assert.equal(levels.filter((level) => level === 1).length, 1)
  assert.equal(levels[0], 1)
  for (const [index, level] of levels.entries()) {
    assert.ok(level <= (levels[index - 1] ?? 0) + 1, `h${level} after h${levels[index - 1]}`)
  }
})

test('ids are unique, and every permalink and label points at one', () => {
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  assert.equal(new Set(ids).size, ids.length)
  const targets = [...page.matchAll(/(?:href="#|aria-labelledby=")([^"]+)"/g)].map(([, id]) => id)
  assert.deepEqual(
    targets.filter((id) => !ids.includes(id)),
    [],
  )
})

test('nothing in the page names another place to load from', () => {
  const loading = page.match(/(?:src|href|srcset|action)="(?!#)[^"]*"|url\(|@import/g)
  assert.equal(loading, null)
  assert.match(page, /content="default-src &#39;none&#39;; script-src &#39;unsafe-inline&#39;;/)
})

test('every figure has its finding as a caption, a drawing for both widths and a table', () => {
  const figures = page.match(/<figure[\s\S]*?<\/figure>/g) ?? []
  assert.equal(figures.length, 6)
  for (const figure of figures) {
    assert.match(figure, /<figcaption><h3 id="[^"]+">[^<]{12,}<\/h3>/)
    assert.match(figure, /role="img" aria-labelledby="/)
    assert.match(figure, /class="still wide"><svg[\s\S]*class="still narrow"><svg/)
    assert.match(figure, /<summary>Data<\/summary>[\s\S]*<th scope="row">/)
  }
})

test('where the interval leaves out zero and no difference is said, the page says what stood in the way', async () => {
  const found = analyse(makeResult({ modes: ['sidecar', 'ambient'] }))
  const of = (changes: Partial<Result['comparisons'][number]>) => {
    const comparisons = found.comparisons.map((one) =>
      one.metric === 'latencyP99Ms'
        ? { ...one, verdict: 'no-difference' as const, ciLow: 0.1, ciHigh: 0.5, ...changes }
        : one,
    )
    return still({ ...found, comparisons })
  }
  const noise = await of({ difference: 0.3, noiseFloor: 0.4 })
  assert.match(
    noise,
    /no difference detected<br><span class="small">within the noise of 0\.4.\sms</,
  )
  assert.match(noise, /ambient vs sidecar: within the noise of 0\.40 ms/)
  assert.match(
    await of({ difference: 0.03, noiseFloor: 0 }),
    /detected<br><span class="small">too small to matter</,
  )
  assert.match(await of({ difference: 3, noiseFloor: 0, p: 0.04 }), /chance is not ruled out/)
  assert.doesNotMatch(
    await of({ difference: 0.3, noiseFloor: 0.4, ciLow: -0.1 }),
    /within the noise of 0\.4/,
  )
})

test('failures get a chart only when there are any', async () => {
  assert.ok(!page.includes('id="failures"'))
  const failing = await still(analyse(makeResult({ rounds: 2, failEvery: 50 })))
  assert.match(failing, /<figure id="failures"[\s\S]*?Requests failed: 160 \(2\.0.%\) in baseline/)
})

test('an interrupted run says so before its verdict', async () => {
  const written = await still({ ...found, status: 'interrupted' })
  const alarm = written.indexOf('The run was interrupted')
  assert.ok(alarm > 0 && alarm < written.indexOf('class="lead"'))
  assert.match(written, /<span class="badge worse">interrupted<\/span>/)
})

test('a valid run with warnings is not shown in the colour of a good one', async () => {
  const warning = { code: 'host-busy', severity: 'warning', message: 'other programs' } as const
  const written = await still({ ...found, validity: { verdict: 'valid', findings: [warning] } })
  assert.match(written, /<span class="badge warning">valid<\/span>/)
})

test('with too few repeats for a verdict the title of a chart says so', async () => {
  const few = await still(analyse(makeResult({ rounds: 3 })))
  assert.match(few, /Latency p99 against baseline, as 3 repeats indicate: /)
  assert.doesNotMatch(page, /repeats indicate/)
})

test('findings stand before the figures, errors first', async () => {
  const written = await still({
    ...found,
    validity: {
      verdict: 'invalid',
      findings: [
        { code: 'a', severity: 'warning', message: 'A neighbour was busy.' },
        { code: 'b', severity: 'error', message: 'The generator was saturated.', mode: 'sidecar' },
      ],
    },
  })
  const places = ['saturated.', '(sidecar)', 'neighbour was busy.', 'Key figures'].map((text) =>
    written.indexOf(text),
  )
  assert.ok(
    places.every((place, index) => place > (places[index - 1] ?? 0)),
    String(places),
  )
})

test('a chart that cannot be drawn says why, and the rest of the page stands', async () => {
  const broken = analyse(
    makeResult({
      rounds: 2,
      change: (window) => ({
        ...window,
        latencyUs: { ...window.latencyUs, histogram: 'not a histogram' },
      }),
    }),
  )
  const written = await still(broken)
  assert.match(
    written,
    /<figure class="broken">[\s\S]*latency-percentiles[\s\S]*could not be shown/,
  )
  assert.match(written, /id="cpu-by-role"/)
  assert.match(written, /id="environment"/)
})

test('a section that cannot be built says why, and the rest of the page stands', async () => {
  const environment = { ...found.environment, loadAverageAtStart: null as unknown as number[] }
  const written = await still({ ...found, environment })
  assert.match(
    written,
    /\u201cEnvironment\u201d could not be shown: Cannot read properties of null/,
  )
  for (const id of ['figures', 'comparison', 'charts', 'method', 'raw']) {
    assert.match(written, new RegExp(`<section id="${id}"`))
  }
  assert.equal(written.match(/could not be shown/g)?.length, 1)
})

test('a run of one window of one mode makes a whole page', async () => {
  const written = await still(analyse(makeResult({ modes: ['ambient'], rounds: 1 })))
  assert.match(written, /there is nothing to compare/)
  assert.doesNotMatch(written, /NaN|Infinity|undefined/)
})

test('a run without any complete window makes a page without figures', async () => {
  const made = makeResult({ modes: ['sidecar', 'ambient'], rounds: 1 })
  const emptied = Object.fromEntries(
    Object.entries(made.modes).map(([mode, entry]) => [mode, { ...entry, windows: [] }]),
  )
  const written = await still(analyse({ ...made, status: 'interrupted', modes: emptied }))
  assert.match(written, /No window of this run can be drawn/)
  assert.doesNotMatch(written, /NaN|Infinity|undefined|could not be shown/)
})

test('the page names the place of the load, the workers of a proxy and the capture', async () => {
  const cluster = { ...found.environment.cluster, proxyWorkers: 1, capture: 'handed-over sockets' }
  const environment = { ...found.environment, cluster }
  const options = { ...found.options, sameNode: true as const }
  const written = await still({ ...found, environment, options })
  assert.match(written, /<dt>Workers of a proxy<\/dt><dd>1</)
  assert.match(written, /<dt>Capture of traffic<\/dt><dd>handed-over sockets</)
  assert.match(written, /load and workload on one node, so that in ambient modes one ztunnel/)
  // Results from before these were kept say nothing of them.
  assert.doesNotMatch(page, /Workers of a proxy/)
})

test('the script of the page is valid JavaScript', () => {
  assert.ok(new Script(clientScript))
})

test('the page is the one that was read and agreed to', () => {
  // Drawings change with every release of vega; their texts are tested in the browser.
  const stable = page
    .replaceAll(/<svg aria-hidden="true" focusable="false" w[\s\S]*?<\/svg>/g, '<svg/>')
    .replace(/(id="result">).*?(<\/script>)/s, '$1{}$2')
  assertGolden('report.html', stable)
})

test('drawing never draws a warning from vega, nor on data of extreme spread', async (t) => {
  const warn = t.mock.method(globalThis.console, 'warn', () => undefined)
  await still(found)
  const wild = makeResult({
    rounds: 3,
    change: (window, mode) => ({
      ...window,
      latencyUs: {
        ...window.latencyUs,
        p99: mode === 'sidecar' && window.round === 2 ? 900_000 : window.latencyUs.p99,
      },
    }),
  })
  assert.match(await still(analyse(wild)), /latency p99, ms \(log scale\)/)
  assert.deepEqual(
    warn.mock.calls.map(({ arguments: [text] }) => text),
    [],
  )
})
