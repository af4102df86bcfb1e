import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { findChromium } from '../../cli/doctor/probe.ts'

const found = findChromium(process.env)
export const executablePath = found ?? ''
export const skip = found === null ? 'no chromium or google-chrome here' : false

export interface Visit {
  readonly page: Page
  readonly url: string
  readonly complaints: string[]
  readonly requests: string[]
}

export type VisitPage = (
  name: string,
  options: BrowserContextOptions & { readonly hash?: string },
  act: (visit: Visit) => Promise<void>,
) => Promise<void>

/** Pages written once per test file, opened from the disk as a reader would. */
export function openPages(write: () => Promise<Readonly<Record<string, string>>>): VisitPage {
  const folder = mkdtempSync(join(tmpdir(), 'meshbench-pages-'))
  let browser: Browser | undefined
  before(async () => {
    if (skip !== false) return
    for (const [name, html] of Object.entries(await write())) {
      writeFileSync(join(folder, `${name}.html`), html)
    }
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  })
  after(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return async (name, { hash = '', ...options }, act) => {
    assert.ok(browser !== undefined)
    const context = await browser.newContext(options)
    try {
      const page = await context.newPage()
      const complaints: string[] = []
      const requests: string[] = []
      page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('request', (request) => requests.push(request.url()))
      const url = pathToFileURL(join(folder, `${name}.html`)).href
      await page.goto(url + hash)
      await act({ page, url, complaints, requests })
    } finally {
      await context.close()
    }
  }
}
