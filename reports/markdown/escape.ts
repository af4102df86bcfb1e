/** Names come from files and clusters; they must not become markup, mentions or new lines. */
export function escaped(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .replaceAll(/[\\`*_[\]|#!]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('@', '@\u200b')
}

export function tableRow(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`
}
