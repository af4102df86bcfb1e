import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { analyse } from '../../reports/analyse.ts'
import { reportHtml } from '../../reports/html/report.ts'
import { makeResult } from '../fixtures/result.ts'
import { openPages, skip } from './pages.ts'

const visit = openPages(async () => ({
  report: await reportHtml(analyse(makeResult({ rounds: 3 })), { interactive: true }),
}))
const desk = { viewport: { width: 1200, height: 800 } }
const curves = '[data-panel="latency-percentiles-0"]'

async function firstColumn(page: Page, group: number): Promise<string[]> {
  const rows = page.locator(`[data-copy=comparison] tbody >> nth=${group} >> tr:not(.group) th`)
  return (await rows.allTextContents()).map((text) => text.trim())
}

test('a click on a head sorts within each group, upwards, downwards, and back', {
  skip,
}, async () => {
  await visit('report', desk, async ({ page, complaints }) => {
    const button = page.getByRole('button', { name: 'sidecar', exact: true })
    const values = async (): Promise<number[]> => {
      const cells = page.locator('[data-copy=comparison] tbody >> nth=0 >> td.of-sidecar')
      return (await cells.allTextContents()).map((text) => Number.parseFloat(text))
    }
    const asWritten = await firstColumn(page, 0)
    await button.click()
    const upwards = await values()
    assert.deepEqual(
      upwards,
      upwards.toSorted((a, b) => a - b),
    )
    assert.equal(await page.locator('th[aria-sort=ascending]').count(), 1)
    assert.match(page.url(), /#sort-comparison=2-ascending$/)
    await button.click()
    assert.deepEqual(await values(), upwards.toReversed())
    await button.click()
    assert.deepEqual(await firstColumn(page, 0), asWritten)
    assert.equal(await page.locator('[data-copy=comparison] .group').count(), 4)
    assert.deepEqual(complaints, [])
  })
})

test('a mode put aside leaves cards, table and drawings, and the last one cannot', {
  skip,
}, async () => {
  await visit('report', desk, async ({ page, complaints }) => {
    await page.locator(curves).scrollIntoViewIfNeeded()
    await page.locator(`${curves}.is-live`).waitFor()
    const label = page.locator(`${curves} .live`).getByText('sidecar', { exact: true })
    assert.equal(await label.count(), 1)
    await page.getByText('Modes', { exact: true }).click()
    await page.getByRole('checkbox', { name: 'sidecar' }).uncheck()
    await label.waitFor({ state: 'detached' })
    assert.equal(await page.locator('.of-sidecar:visible').count(), 0)
    assert.ok((await page.locator('.of-ambient:visible').count()) > 10)
    assert.match(page.url(), /#hide=sidecar$/)
    await page.getByRole('checkbox', { name: 'baseline' }).uncheck()
    await page.getByRole('checkbox', { name: 'ambient' }).uncheck()
    assert.ok(await page.getByRole('checkbox', { name: 'waypoint' }).isDisabled())
    assert.deepEqual(complaints, [])
  })
})

test('the tail can be drawn on a logarithmic scale and back', { skip }, async () => {
  await visit('report', desk, async ({ page, complaints }) => {
    const choice = page.getByLabel('logarithmic scale')
    assert.ok(!(await choice.isVisible()), 'a still drawing has no switch')
    await page.locator(curves).scrollIntoViewIfNeeded()
    await page.locator(`${curves}.is-live`).waitFor()
    const axis = page.locator(`${curves} .live`).getByText('latency, ms (log scale)')
    await choice.check()
    await axis.waitFor()
    assert.match(page.url(), /#scale=latency-percentiles-0$/)
    await choice.uncheck()
    await axis.waitFor({ state: 'detached' })
    assert.deepEqual(complaints, [])
  })
})

test('a link shows what its sender saw: section, theme, modes, order and scale', {
  skip,
}, async () => {
  const hash =
    '#charts&theme=dark&hide=baseline,waypoint&sort-comparison=2-descending&scale=latency-percentiles-0'
  await visit('report', { ...desk, hash }, async ({ page, complaints }) => {
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark')
    assert.equal(await page.locator('html').getAttribute('data-hide'), 'baseline waypoint')
    assert.equal(await page.locator('th[aria-sort=descending]').count(), 1)
    const top = await page.evaluate<number>(
      "document.getElementById('charts').getBoundingClientRect().top",
    )
    assert.ok(Math.abs(top) < 200, `${top} px`)
    await page.locator(`${curves}.is-live`).waitFor()
    await page.locator(`${curves} .live`).getByText('latency, ms (log scale)').waitFor()
    assert.deepEqual(complaints, [])
  })
})

test('going to a section keeps what was chosen', { skip }, async () => {
  await visit('report', desk, async ({ page }) => {
    await page.getByLabel('Theme').selectOption('dark')
    await page.getByRole('link', { name: 'Method', exact: true }).click()
    await page.waitForURL(/#method&theme=dark$/)
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark')
  })
})

test('nonsense in the address does no harm', { skip }, async () => {
  const hash =
    '#nowhere&theme=pink&hide=all,baseline,sidecar,ambient,waypoint&sort-comparison=99-up'
  await visit('report', { ...desk, hash }, async ({ page, complaints }) => {
    assert.ok((await page.locator('.of-sidecar:visible').count()) > 0)
    assert.deepEqual(complaints, [])
  })
})
