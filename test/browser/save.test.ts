import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { analyse } from '../../reports/analyse.ts'
import { reportHtml } from '../../reports/html/report.ts'
import { makeResult } from '../fixtures/result.ts'
import { openPages, skip, type Visit } from './pages.ts'

const visit = openPages(async () => ({
  report: await reportHtml(analyse(makeResult({})), { interactive: true }),
}))

async function saved({ page }: Visit, figure: string, type: string) {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator(`#${figure} [data-save=${type}]`).click(),
  ])
  return {
    name: download.suggestedFilename(),
    content: readFileSync(await download.path()),
  }
}

test('a chart is saved as SVG with its finding, in real colours, without a network', {
  skip,
}, async () => {
  await visit('report', { colorScheme: 'dark' }, async (opened) => {
    const { name, content } = await saved(opened, 'cpu-by-role', 'svg')
    const text = content.toString()
    assert.equal(name, 'meshbench-cpu-by-role.svg')
    assert.match(text, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/)
    assert.doesNotMatch(text, /var\(|NaN|undefined/)
    assert.match(text, /1,000 requests cost the/)
    // Legend, panel and the dark theme that was on screen.
    assert.match(text, />sidecar</)
    assert.ok((text.match(/<svg/g) ?? []).length >= 2)
    assert.match(text, /fill="rgb\(17, 20, 24\)"/)
    assert.deepEqual(
      opened.requests.filter((url) => !/^(file|blob|data):/.test(url)),
      [],
    )
    assert.deepEqual(opened.complaints, [])
  })
})

test('every chart can be saved as PNG', { skip }, async () => {
  await visit('report', {}, async (opened) => {
    const ids = await opened.page
      .locator('.figures figure')
      .evaluateAll((figures) => figures.map(({ id }) => id))
    assert.ok(ids.length >= 5, `${ids}`)
    for (const id of ids) {
      const { content } = await saved(opened, id, 'png')
      assert.equal(content.subarray(1, 4).toString(), 'PNG', id)
      // IHDR: twice the width of what is shown, so that it is sharp on paper.
      assert.ok(content.readUInt32BE(16) > 640, `${id}: ${content.readUInt32BE(16)} px`)
    }
    assert.deepEqual(opened.complaints, [])
  })
})
