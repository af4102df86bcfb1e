import { type Child, html, type Markup } from './markup.ts'

/** One part of the page. A part that cannot be built says why, and the rest of the page stands. */
export function section(id: string, title: string, build: () => Child): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title} <a class="permalink" href="#${id}" aria-label="Link to ${title}">#</a></h2>
${guarded(title, build)}
</section>`
}

export function guarded(what: string, build: () => Child): Child {
  try {
    return build()
  } catch (error) {
    return unavailable(what, error)
  }
}

export function unavailable(what: string, error: unknown): Markup {
  const reason = error instanceof Error ? error.message : String(error)
  return html`<p class="unavailable">\u201c${what}\u201d could not be shown: ${reason}</p>`
}

/** Wide tables scroll in their own region, by keyboard too; the page itself never does. */
export function scrollRegion(label: string, content: Child): Markup {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${content}</div>`
}
