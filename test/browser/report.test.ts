import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { analyse } from '../../reports/analyse.ts'
import { reportHtml } from '../../reports/html/report.ts'
import { palette } from '../../reports/palette.ts'
import { makeResult } from '../fixtures/result.ts'
import { executablePath, skip } from './pages.ts'

const folder = mkdtempSync(join(tmpdir(), 'meshbench-report-'))
const file = join(folder, 'report.html')
let browser: Browser | undefined

before(async () => {
  if (skip !== false) return
  const hostile = makeResult({ rounds: 4, workload: '</script><img src=x onerror=alert(1)>' })
  writeFileSync(file, await reportHtml(analyse(hostile), { interactive: true }))
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
})

after(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Visit {
  readonly page: Page
  readonly complaints: string[]
  readonly requests: string[]
}

async function visit(options: BrowserContextOptions, act: (visit: Visit) => Promise<void>) {
  assert.ok(browser !== undefined)
  const context = await browser.newContext(options)
  try {
    const page = await context.newPage()
    const complaints: string[] = []
    const requests: string[] = []
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('request', (request) => requests.push(request.url()))
    await page.goto(pathToFileURL(file).href)
    await act({ page, complaints, requests })
  } finally {
    await context.close()
  }
}

/** Charts come alive when they are scrolled to; the last one done means all were visited. */
async function scrollThrough(page: Page): Promise<number> {
  const panels = page.locator('[data-panel]')
  const count = await panels.count()
  for (let index = 0; index < count; index += 1) {
    await panels.nth(index).scrollIntoViewIfNeeded()
    const id = (await panels.nth(index).getAttribute('data-panel')) ?? ''
    await page.locator(`[data-panel="${id}"].is-live`).waitFor()
  }
  return count
}

test('every chart comes alive without a console message or a request', { skip }, async () => {
  await visit({ viewport: { width: 1200, height: 800 } }, async (seen) => {
    assert.equal(await scrollThrough(seen.page), 8)
    assert.deepEqual(seen.complaints, [])
    assert.deepEqual(seen.requests, [pathToFileURL(file).href])
    assert.equal(await seen.page.locator('img').count(), 0)
  })
})

for (const [index, colorScheme] of (['light', 'dark'] as const).entries()) {
  test(`the ${colorScheme} theme reaches page, drawings and choice`, { skip }, async () => {
    await visit({ colorScheme, viewport: { width: 1200, height: 800 } }, async ({ page }) => {
      const colourOf = (selector: string, property: string) =>
        page.evaluate<string>(
          `getComputedStyle(document.querySelector(${JSON.stringify(selector)}))['${property}']`,
        )
      const background = async () => await colourOf('body', 'background-color')
      assert.equal(await background(), rgb(palette.background[index] ?? ''))
      const ambient = '.still [stroke="var(--mode-ambient)"]'
      assert.equal(await colourOf(ambient, 'stroke'), rgb(palette['mode-ambient'][index] ?? ''))
      await page.getByLabel('Theme').selectOption(index === 0 ? 'dark' : 'light')
      assert.equal(await background(), rgb(palette.background[1 - index] ?? ''))
      assert.match(page.url(), index === 0 ? /#theme=dark$/ : /#theme=light$/)
    })
  })
}

function rgb(hex: string): string {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))
  return `rgb(${r}, ${g}, ${b})`
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with' : 'without'
  test(`320 px wide, ${how} scripts, only tables scroll sideways`, { skip }, async () => {
    await visit({ javaScriptEnabled, viewport: { width: 320, height: 640 } }, async ({ page }) => {
      if (javaScriptEnabled) await scrollThrough(page)
      const widest = await page.evaluate<number>('document.documentElement.scrollWidth')
      assert.equal(widest, 320)
    })
  })
}

test('without scripts the page is complete: verdict, drawings, tables, no dead buttons', {
  skip,
}, async () => {
  await visit(
    { javaScriptEnabled: false, viewport: { width: 1000, height: 800 } },
    async ({ page, requests }) => {
      assert.match((await page.locator('.lead').textContent()) ?? '', /less CPU per request/)
      const drawings = page.locator('.panel .still.wide svg')
      assert.equal(await drawings.count(), 8)
      for (const drawing of await drawings.all()) assert.ok(await drawing.isVisible())
      assert.match(
        (await page.locator('#latency-percentiles .wide svg').textContent()) ?? '',
        /p99\.9.*latency, ms.*waypoint/s,
      )
      assert.equal(await page.locator('button:visible, select:visible').count(), 0)
      assert.equal(requests.length, 1)
    },
  )
})

test('the keyboard reaches skip link, theme, tables and folded parts in order', {
  skip,
}, async () => {
  await visit({ viewport: { width: 1200, height: 800 } }, async ({ page }) => {
    const stops: string[] = []
    for (let step = 0; step < 30; step += 1) {
      await page.keyboard.press('Tab')
      const stop = '(({ id, className, tagName }) => id || className || tagName)'
      stops.push(await page.evaluate<string>(`${stop}(document.activeElement)`))
    }
    assert.equal(stops[0], 'skip')
    const wanted = ['SUMMARY', 'theme', 'print', 'scroll', 'BUTTON', 'scripted', 'SUMMARY']
    let from = 0
    for (const stop of wanted) {
      from = stops.indexOf(stop, from + 1)
      assert.notEqual(from, -1, `${stop}: ${stops.join(' > ')}`)
    }
  })
})

test('on paper the comparison is not cut off', { skip }, async () => {
  await visit({ viewport: { width: 794, height: 1123 } }, async ({ page }) => {
    await page.emulateMedia({ media: 'print' })
    const cut = await page.evaluate<string[]>(
      "[...document.querySelectorAll('main table')].filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML.slice(0, 90))",
    )
    assert.deepEqual(cut, [])
  })
})

test('printing opens every folded part and shows the still drawings', { skip }, async () => {
  await visit({ viewport: { width: 1200, height: 800 } }, async ({ page }) => {
    await scrollThrough(page)
    const closed = page.locator('details:not([open])')
    const before = await closed.count()
    assert.ok(before > 10)
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    const state = { closed: await closed.count(), live: await page.locator('.is-live').count() }
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert.deepEqual(state, { closed: 0, live: 0 })
    assert.equal(await closed.count(), before)
    const pdf = await page.pdf()
    const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0
    assert.ok(pages >= 3 && pages <= 25, `${pages} pages`)
  })
})
