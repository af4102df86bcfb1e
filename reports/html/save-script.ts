/**
 * Saves a figure as SVG or PNG, without a network: the drawings that are shown, with finding and legend
 * above them and every colour resolved. Part of the page's script, see client.ts.
 */
export const saveScript = String.raw`
  const lineOf = (text, most) => text.trim().split(/\s+/).reduce((lines, word) => {
    const last = lines.pop() ?? ''
    return last === '' || last.length + word.length < most
      ? [...lines, (last + ' ' + word).trim()]
      : [...lines, last, word]
  }, [])
  const drawFigure = (figure) => {
    const space = 'http://www.w3.org/2000/svg'
    const make = (name, attributes, text = '') => {
      const element = document.createElementNS(space, name)
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
      element.textContent = text
      return element
    }
    const shown = all('.panel svg', figure).filter((svg) => svg.getClientRects().length > 0)
    const sizes = shown.map((svg) => svg.getBoundingClientRect())
    const width = Math.ceil(Math.max(320, ...sizes.map((size) => size.width))) + 32
    const whole = make('svg', { xmlns: space, width, 'font-family': 'system-ui, sans-serif', 'font-size': 13 })
    whole.append(make('rect', { width: '100%', height: '100%', fill: 'var(--background)' }))
    let y = 12
    const write = (text, attributes) => {
      // No text can be measured before it is drawn; bold letters are wider than this by nothing.
      for (const line of lineOf(text, width / 9)) {
        y += 18
        whole.append(make('text', { x: 16, y, ...attributes }, line))
      }
    }
    write(figure.querySelector('h3').textContent, { 'font-weight': 600, fill: 'var(--text)' })
    write(figure.querySelector('.subtitle').textContent, { fill: 'var(--muted)' })
    for (const item of all('.legend li', figure)) {
      y += 20
      const swatch = item.querySelector('.swatch')
      const colour = getComputedStyle(swatch).getPropertyValue('--swatch')
      whole.append(make('rect', swatch.matches('.outline')
        ? { x: 16, y: y - 11, width: 12, height: 12, fill: 'none', stroke: colour }
        : { x: 16, y: y - 11, width: 12, height: 12, fill: colour }),
      make('text', { x: 34, y, fill: 'var(--text)' }, item.textContent))
    }
    y += 12
    shown.forEach((svg, index) => {
      const heading = svg.closest('.panel').querySelector('.heading')
      if (heading !== null) write(heading.textContent, { 'font-weight': 600, fill: 'var(--text)' })
      const copy = svg.cloneNode(true)
      copy.setAttribute('x', 16)
      copy.setAttribute('y', y)
      copy.removeAttribute('style')
      whole.append(copy)
      y += Math.ceil(sizes[index].height) + 8
    })
    whole.setAttribute('height', y + 8)
    whole.setAttribute('viewBox', '0 0 ' + width + ' ' + (y + 8))
    const probe = figure.appendChild(document.createElement('span'))
    const resolve = (colour) => {
      probe.style.color = colour
      return getComputedStyle(probe).color
    }
    const text = new XMLSerializer().serializeToString(whole)
      .replace(/var\(--[a-z-]+\)/g, resolve)
    probe.remove()
    return { text, width, height: y + 8 }
  }
  const asPng = async ({ text, width, height }) => {
    const image = new Image()
    image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(text)
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = width * 2
    canvas.height = height * 2
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height)
    return await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'))
  }
  for (const button of all('[data-save]')) {
    button.addEventListener('click', async () => {
      const type = button.dataset.save
      const figure = button.closest('figure')
      const drawn = drawFigure(figure)
      const blob = type === 'png' ? await asPng(drawn) : new Blob([drawn.text], { type: 'image/svg+xml' })
      const link = document.createElement('a')
      link.href = URL.createObjectURL(blob)
      link.download = 'meshbench-' + figure.id + '.' + type
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 10000)
    })
  }
`
