import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Colour, palette } from '../../../reports/palette.ts'

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function assertContrast(front: Colour, back: Colour, least: number): void {
  for (const theme of [0, 1] as const) {
    const ratio = contrast(palette[front][theme], palette[back][theme])
    assert.ok(ratio >= least, `${front} on ${back}, theme ${theme}: ${ratio.toFixed(2)}:1`)
  }
}

test('text has a contrast of at least 4.5:1 on both backgrounds, light and dark', () => {
  for (const text of ['text', 'muted', 'link', 'better', 'worse', 'warning'] as const) {
    assertContrast(text, 'background', 4.5)
    assertContrast(text, 'surface', 4.5)
  }
})

test('names at line ends are text, too', () => {
  for (const mode of ['baseline', 'sidecar', 'ambient', 'waypoint'] as const) {
    assertContrast(`mode-${mode}`, 'background', 4.5)
  }
})

test('bars have 3:1 on the background, figures on bars 4.5:1', () => {
  for (const role of ['app', 'sidecar', 'ztunnel', 'waypoint'] as const) {
    assertContrast(`role-${role}`, 'background', 3)
    assertContrast(`on-role-${role}`, `role-${role}`, 4.5)
  }
})
