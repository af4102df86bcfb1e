import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

/**
 * The drawing as an SVG element for inline use. It is decoration to assistive technology: the figure
 * around it has the name, the table below it the data.
 */
export async function drawSvg(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  try {
    return compact(await view.toSVG())
  } finally {
    view.finalize()
  }
}

/** Half of what vega writes are defaults, empty frames and the font the page has anyway. */
function compact(svg: string): string {
  return svg
    .replaceAll(/ (?:role|aria-[a-z]+|pointer-events|font-family|class)="[^"]*"/g, '')
    .replaceAll(/ (?:opacity="1"|xmlns(?::xlink)?="[^"]*"|version="1\.1")/g, '')
    .replaceAll(/<path d="(?:M0,0h0v0h0Z)?"(?: display="none")?\/>/g, '')
    .replaceAll(/ (?:d|transform|x2|y2)="[^"]*"/g, (attribute) =>
      attribute.replaceAll(/\d+\.\d{2,}/g, (number) =>
        String(Math.round(Number(number) * 10) / 10),
      ),
    )
    .replace('<svg ', '<svg aria-hidden="true" focusable="false" ')
}
