/** Text that is HTML already. Nothing else is ever written into the page unescaped. */
export class Markup {
  readonly html: string

  constructor(html: string) {
    this.html = html
  }
}

export type Child = string | number | Markup | null | readonly Child[]

/** `html\`<p>${name}</p>\`` escapes every value, in text and in quoted attributes alike. */
export function html(parts: TemplateStringsArray, ...values: readonly Child[]): Markup {
  const written = parts.map((part, index) => part + write(values[index] ?? null))
  return new Markup(written.join(''))
}

function write(child: Child): string {
  if (child === null) return ''
  if (child instanceof Markup) return child.html
  if (typeof child === 'object') return child.map(write).join('\n')
  return String(child).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/**
 * JSON inside a script element. `<` would allow `</script>` to end it, wherever in the data it stands;
 * the two separators are line ends to older parsers.
 */
export function jsonScript(id: string, value: unknown): Markup {
  const json = JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029')
  return new Markup(`<script type="application/json" id="${id}">${json}</script>`)
}
