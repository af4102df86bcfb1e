/** How a document writes numbers: terminals and Markdown in ASCII, the page with proper signs. */
export interface NumberStyle {
  readonly minus: string
  readonly thousands: string
}

export const ascii: NumberStyle = { minus: '-', thousands: ',' }
export const typographic: NumberStyle = { minus: '\u2212', thousands: '\u202f' }

/**
 * Three significant digits, at most `digits` decimals, and none below the first digit of the
 * interval's half width: more would claim what was not measured. The value's own first digit stays, so
 * that the end of an interval which excludes zero does not read as zero.
 */
export function formatNumber(
  value: number,
  digits: number,
  style: NumberStyle = ascii,
  halfWidth = 0,
): string {
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  const supported = halfWidth > 0 ? -Math.floor(Math.log10(halfWidth)) : digits
  const decimals = Math.min(digits, 2 - magnitude, Math.max(supported, -magnitude))
  return fixed(value, Math.max(0, decimals), style)
}

export function fixed(value: number, decimals: number, style: NumberStyle = ascii): string {
  const [whole = '', fraction] = Math.abs(value).toFixed(decimals).split('.')
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, style.thousands)
  const text = fraction === undefined ? grouped : `${grouped}.${fraction}`
  return value < 0 && /[1-9]/.test(text) ? style.minus + text : text
}

/** A figure and its unit stay on one line. */
export function unbroken(text: string): string {
  return text.replaceAll(/(\d) (?=%|ms\b|s\b|MiB|MB|GiB|req\/s|cores?\b)/g, '$1\u00a0')
}

export function signed(text: string): string {
  return /^[\d.,\u202f]+/.test(text) && /[1-9]/.test(text) ? `+${text}` : text
}

export function seconds(durationMs: number): string {
  return `${fixed(durationMs / 1000, durationMs % 1000 === 0 ? 0 : 1)} s`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${fixed(count, 0)} ${count === 1 ? one : many}`
}
