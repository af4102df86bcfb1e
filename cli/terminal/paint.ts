import type { Paint, PaintStyle } from '../../reports/terminal/paint.ts'

/** How a meaning looks is decided here alone. */
const codes: Readonly<Record<PaintStyle, readonly [on: number, off: number]>> = {
  strong: [1, 22],
  faint: [2, 22],
  better: [32, 39],
  worse: [31, 39],
  warning: [33, 39],
}

/**
 * Colours only on a terminal, and never against NO_COLOR (https://no-color.org). Own code because
 * util.styleText of Node 20 looks at neither.
 */
export function paintFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const noColor = env.NO_COLOR !== undefined && env.NO_COLOR !== ''
  if (stream.isTTY !== true || noColor || env.TERM === 'dumb') return (_, text) => text
  return (style, text) => `\x1b[${codes[style][0]}m${text}\x1b[${codes[style][1]}m`
}
