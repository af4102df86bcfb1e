/**
 * What scripts add to a page that is complete without them: theme, printing, copying, and drawings
 * that answer to the pointer. Plain browser JavaScript, kept as text because it never runs in Node;
 * a test parses it and the browser tests run it. A part that fails leaves the still drawing.
 */
export const clientScript = String.raw`(() => {
  'use strict'
  const root = document.documentElement
  const all = (selector) => [...document.querySelectorAll(selector)]
  for (const element of all('.scripted')) element.hidden = false

  const theme = document.getElementById('theme')
  const setTheme = (value) => {
    if (value === 'light' || value === 'dark') root.dataset.theme = value
    else delete root.dataset.theme
    theme.value = root.dataset.theme ?? 'auto'
  }
  setTheme(new URLSearchParams(location.hash.slice(1)).get('theme'))
  theme.addEventListener('change', () => {
    setTheme(theme.value)
    history.replaceState(null, '', theme.value === 'auto' ? '#' : '#theme=' + theme.value)
  })
  document.getElementById('print').addEventListener('click', () => print())

  const folded = new Set()
  const live = new Set()
  addEventListener('beforeprint', () => {
    for (const element of all('details:not([open])')) { folded.add(element); element.open = true }
    for (const element of all('.is-live')) { live.add(element); element.classList.remove('is-live') }
  })
  addEventListener('afterprint', () => {
    for (const element of folded) element.open = false
    for (const element of live) element.classList.add('is-live')
    folded.clear()
    live.clear()
  })

  const cell = (text) => {
    const plain = text.trim().replace(/\s+/g, ' ').replaceAll('\u2212', '-')
    return /[",]/.test(plain) ? '"' + plain.replaceAll('"', '""') + '"' : plain
  }
  const sources = {
    result: () => document.getElementById('result').textContent,
    comparison: () => [...document.querySelector('[data-copy=comparison]').rows]
      .map((row) => [...row.cells].map((each) => cell(each.textContent)).join(',')).join('\n'),
  }
  for (const button of all('[data-copies]')) {
    const label = button.textContent
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(sources[button.dataset.copies]())
        button.textContent = 'Copied'
      } catch {
        button.textContent = 'The browser does not allow copying'
      }
      setTimeout(() => { button.textContent = label }, 2000)
    })
  }

  const data = document.getElementById('panels')
  if (typeof vegaEmbed !== 'function' || data === null) return
  const specs = JSON.parse(data.textContent)
  const draw = async (panel) => {
    const width = panel.clientWidth
    if (width === 0 || width === Number(panel.dataset.width)) return
    panel.dataset.width = String(width)
    const { spec, margin } = specs[panel.dataset.panel][width < 416 ? 'narrow' : 'wide']
    const target = panel.querySelector('.live')
    const sized = { ...spec, width: Math.min(width, 720) - margin.left - margin.right }
    try {
      await vegaEmbed(target, sized, {
        ast: true, actions: false, renderer: 'svg', defaultStyle: false,
        tooltip: { theme: 'custom', disableDefaultStyle: true },
      })
      panel.classList.add('is-live')
    } catch (error) {
      panel.classList.remove('is-live')
      console.warn('The still drawing stays, because the live one failed:', error)
    }
  }
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) draw(target)
  })
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue
      seen.unobserve(target)
      resized.observe(target)
    }
  }, { rootMargin: '200px' })
  for (const panel of all('[data-panel]')) seen.observe(panel)
})()`
