import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

/**
 * The drawing as an SVG element for inline use. It is decoration to assistive technology: the figure
 * around it has the name, the table below it the data.
 */
export async function drawSvg(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  try {
    const svg = await view.toSVG()
    return svg
      .replace('<svg ', '<svg aria-hidden="true" focusable="false" ')
      .replaceAll(/ (?:role|aria-roledescription)="graphics[^"]*"/g, '')
      .replaceAll(/ aria-roledescription="[^"]*"/g, '')
  } finally {
    view.finalize()
  }
}
