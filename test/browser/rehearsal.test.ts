import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rehearsalHtml } from '../../reports/rehearsal/report.ts'
import { rehearsal } from '../fixtures/rehearsal.ts'
import { openPages, skip } from './pages.ts'

const visit = openPages(async () => ({ rehearsal: await rehearsalHtml(rehearsal()) }))

test('without JavaScript the report of a rehearsal says everything', { skip }, async () => {
  await visit('rehearsal', { javaScriptEnabled: false }, async ({ page, url, requests }) => {
    const shown = (await page.locator('main').textContent()) ?? ''
    assert.match(shown, /3 of 9\u202f000 requests failed/)
    const rows = page.getByRole('region', { name: 'What callers saw of each step' })
    assert.equal(await rows.getByRole('rowheader').count(), rehearsal().steps.length)
    const proof = page.getByText('2 of 2 pods have ambient.istio.io/redirection=enabled')
    assert.equal(await proof.first().isVisible(), false)
    await page.getByText('What proved each step').click()
    assert.equal(await proof.first().isVisible(), true)
    assert.ok(await page.locator('#course svg').first().isVisible())
    assert.deepEqual(requests, [url])
  })
})

test('on paper nothing of the rehearsal is cut off', { skip }, async () => {
  const viewport = { width: 794, height: 1123 }
  await visit('rehearsal', { viewport }, async ({ page }) => {
    await page.emulateMedia({ media: 'print' })
    const cut = await page.evaluate<string[]>(
      "[...document.querySelectorAll('main table, main svg')].filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML.slice(0, 90))",
    )
    assert.deepEqual(cut, [])
  })
})
