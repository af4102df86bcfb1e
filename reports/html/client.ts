import { saveScript } from './save-script.ts'

/**
 * What scripts add to a page that is complete without them: theme, mode filter, sorting, printing,
 * copying, and drawings that answer to the pointer. What a reader has chosen stands in the address
 * behind the section (`#charts&theme=dark&hide=baseline`), since storage on `file://` is unreliable
 * and a link should show what its sender saw. Plain browser JavaScript, kept as text because it never
 * runs in Node; a test parses it and the browser tests run it. A part that fails leaves the rest.
 */
export const clientScript = String.raw`(() => {
  'use strict'
  const root = document.documentElement
  const all = (selector, from = document) => [...from.querySelectorAll(selector)]
  for (const element of all('.scripted')) element.hidden = false

  const readHash = () => {
    const parts = decodeURIComponent(location.hash.slice(1)).split('&')
    return { section: parts.find((part) => part !== '' && !part.includes('=')) ?? '',
      choices: new Map(parts.filter((part) => part.includes('=')).map((part) => part.split('='))) }
  }
  let { section, choices } = readHash()
  const writeHash = () => {
    const chosen = [...choices].filter(([, value]) => value !== '').map((pair) => pair.join('='))
    history.replaceState(null, '', '#' + [section, ...chosen].filter(Boolean).join('&'))
  }
  const choose = (name, value) => {
    choices.set(name, value)
    writeHash()
  }
  addEventListener('hashchange', () => {
    const next = readHash()
    section = next.section
    if (next.choices.size === 0) writeHash()
  })

  const theme = document.getElementById('theme')
  const setTheme = (value) => {
    if (value === 'light' || value === 'dark') root.dataset.theme = value
    else delete root.dataset.theme
    theme.value = root.dataset.theme ?? 'auto'
  }
  setTheme(choices.get('theme'))
  theme.addEventListener('change', () => {
    setTheme(theme.value)
    choose('theme', theme.value === 'auto' ? '' : theme.value)
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

  const sortKey = (row, column) => {
    const text = (row.cells[column]?.textContent ?? '').trim()
    const number = /^[~+]?(-?[\d.]+)/.exec(text.replaceAll('\u2212', '-').replaceAll('\u202f', ''))
    return number === null ? text.toLowerCase() : Number(number[1])
  }
  const compareKeys = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0
    return typeof a === 'number' ? -1 : 1
  }
  const makeSortable = (table) => {
    const name = 'sort-' + table.dataset.sortable
    const heads = [...table.tHead.rows[0].cells]
    const groups = [...table.tBodies].map((body) => {
      const rows = [...body.rows]
      return { body, fixed: rows.filter((row) => row.matches('.group')),
        rows: rows.filter((row) => !row.matches('.group')) }
    })
    const sort = (column, direction) => {
      heads.forEach((head, index) => {
        if (index === column && direction !== '') head.setAttribute('aria-sort', direction)
        else head.removeAttribute('aria-sort')
      })
      const sign = direction === 'descending' ? -1 : 1
      for (const { body, fixed, rows } of groups) {
        const order = direction === '' ? rows : rows.toSorted((a, b) =>
          sign * compareKeys(sortKey(a, column), sortKey(b, column)))
        body.append(...fixed, ...order)
      }
    }
    heads.forEach((head, column) => {
      const button = document.createElement('button')
      button.type = 'button'
      button.append(...head.childNodes)
      head.append(button)
      button.addEventListener('click', () => {
        const turns = { ascending: 'descending', descending: '' }
        const direction = turns[head.getAttribute('aria-sort')] ?? 'ascending'
        sort(column, direction)
        choose(name, direction === '' ? '' : column + '-' + direction)
      })
    })
    const [column, direction] = (choices.get(name) ?? '').split('-')
    if (direction === 'ascending' || direction === 'descending') sort(Number(column), direction)
  }
  for (const table of all('table[data-sortable]')) makeSortable(table)

  const boxes = all('[data-mode]')
  const modeNames = boxes.map((box) => box.dataset.mode)
  const hiddenModes = () => boxes.filter((box) => !box.checked).map((box) => box.dataset.mode)
  const applyModes = () => {
    root.dataset.hide = hiddenModes().join(' ')
    // At least one has to stay.
    const left = boxes.filter((box) => box.checked)
    for (const box of boxes) box.disabled = left.length === 1 && box.checked
  }
  const wanted = (choices.get('hide') ?? '').split(',').filter((mode) => modeNames.includes(mode))
  if (wanted.length < boxes.length) for (const box of boxes) box.checked = !wanted.includes(box.dataset.mode)
  if (boxes.length > 0) applyModes()
  let redraw = () => {}
  for (const box of boxes) {
    box.addEventListener('change', () => {
      applyModes()
      choose('hide', hiddenModes().join(','))
      redraw()
    })
  }

${saveScript}
  const scroll = () => document.getElementById(section)?.scrollIntoView()
  if (section !== '' && choices.size > 0) scroll()

  const data = document.getElementById('panels')
  if (typeof vegaEmbed !== 'function' || data === null) return
  const specs = JSON.parse(data.textContent)
  /** Rows and scale entries of modes put aside; scales keep their colours by position. */
  const withoutModes = (spec, hidden) => ({ ...spec, layer: spec.layer.map((layer) => {
    const encoding = Object.fromEntries(Object.entries(layer.encoding).map(([channel, at]) => {
      const domain = at.scale?.domain
      if (at.field !== 'mode' || !domain) return [channel, at]
      const kept = domain.map((mode, index) => index).filter((index) => !hidden.includes(domain[index]))
      const range = at.scale.range && { range: kept.map((index) => at.scale.range[index]) }
      return [channel, { ...at, scale: { ...at.scale, domain: kept.map((index) => domain[index]), ...range } }]
    }))
    const values = layer.data?.values?.filter(({ mode }) => !mode || !hidden.includes(mode))
    return { ...layer, encoding, ...(values && { data: { values } }) }
  }) })
  const scaleOf = (id) => document.querySelector('[data-scale="' + id + '"]')
  const draw = async (panel) => {
    const width = panel.clientWidth
    const id = panel.dataset.panel
    const box = scaleOf(id)
    const switched = box !== null && box.checked !== box.defaultChecked
    const state = [width, switched, root.dataset.hide].join()
    if (width === 0 || state === panel.dataset.state) return
    panel.dataset.state = state
    const drawn = switched ? specs[id].other : specs[id]
    const { spec, margin } = drawn[width < 416 ? 'narrow' : 'wide']
    const target = panel.querySelector('.live')
    const sized = { ...withoutModes(spec, hiddenModes()),
      width: Math.min(width, 720) - margin.left - margin.right }
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
  const started = new Set()
  redraw = () => { for (const panel of started) draw(panel) }
  for (const box of all('[data-scale]')) {
    const other = (choices.get('scale') ?? '').split(',')
    if (other.includes(box.dataset.scale)) box.checked = !box.defaultChecked
    box.addEventListener('change', () => {
      const changed = all('[data-scale]').filter((each) => each.checked !== each.defaultChecked)
      choose('scale', changed.map((each) => each.dataset.scale).join(','))
      draw(box.closest('[data-panel]'))
    })
  }
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) draw(target)
  })
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue
      seen.unobserve(target)
      started.add(target)
      resized.observe(target)
    }
  }, { rootMargin: '200px' })
  for (const panel of all('[data-panel]')) seen.observe(panel)
})()`
