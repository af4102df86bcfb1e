import type { Config, TopLevelSpec } from 'vega-lite'
import type { Mode } from '../../harness/modes.ts'
import { modeForms, variable } from '../palette.ts'
import type { Margin, PanelSpec } from './chart.ts'
import { decades } from './scale.ts'

export type Layer = Extract<TopLevelSpec, { layer: unknown }>['layer'][number]

/** Colours are CSS variables: the browser resolves them, so one drawing serves light and dark. */
const config: Config = {
  font: 'system-ui, -apple-system, "Segoe UI", sans-serif',
  aria: false,
  background: undefined,
  view: { stroke: null },
  axis: {
    labelColor: variable('muted'),
    titleColor: variable('muted'),
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titlePadding: 8,
    labelPadding: 6,
    gridColor: variable('grid'),
    domainColor: variable('line'),
    tickColor: variable('line'),
    labelOverlap: true,
    labelFlush: false,
    aria: false,
  },
  text: { color: variable('text'), fontSize: 12 },
}

/** The same room left of every chart with modes on its vertical axis, so that they line up. */
export const modeMargin: Margin = { left: 70, right: 16, top: 8, bottom: 44 }

/**
 * A drawing of exactly `widthPx`: sizes are given, never fitted. Without a canvas text widths are
 * estimates (https://github.com/vega/vega/issues/2940), and fitting would trust them.
 */
export function drawing(
  widthPx: number,
  heightPx: number,
  margin: Margin,
  layer: Layer[],
): PanelSpec {
  return {
    margin,
    spec: {
      $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
      width: widthPx - margin.left - margin.right,
      height: heightPx,
      padding: margin,
      autosize: { type: 'none' },
      background: 'transparent',
      // Beside the edge, however wide the labels are: their widths are only estimated.
      config: { ...config, axisY: { titleX: edgePx - margin.left, titleBaseline: 'top' } },
      layer,
    },
  }
}

const edgePx = 2

interface Axis {
  readonly title: string
  readonly domain: readonly [low: number, high: number]
  readonly ticks?: number
  readonly grid?: boolean
  readonly log?: boolean
}

/** A position on an axis. Every layer of a chart repeats the same one, so they share scale and axis. */
export function position(field: string, axis: Axis) {
  const { title, domain, ticks = 5, grid = true, log = false } = axis
  return {
    field,
    type: 'quantitative' as const,
    scale: { domain: [...domain], nice: false, type: log ? ('log' as const) : ('linear' as const) },
    axis: {
      title: log ? `${title} (log scale)` : title,
      tickCount: ticks,
      grid,
      ...(log && { values: decades(...domain) }),
    },
  }
}

export function modeColour(shown: readonly Mode[]) {
  return {
    field: 'mode',
    type: 'nominal',
    legend: null,
    scale: {
      domain: shown.slice(),
      range: shown.map((mode) => variable(modeForms[mode].colour)),
    },
  } as const
}

export function modeShape(shown: readonly Mode[]) {
  return {
    field: 'mode',
    type: 'nominal',
    legend: null,
    scale: { domain: shown.slice(), range: shown.map((mode) => modeForms[mode].shape) },
  } as const
}

export function modeDash(shown: readonly Mode[]) {
  return {
    field: 'mode',
    type: 'nominal',
    legend: null,
    scale: { domain: shown.slice(), range: shown.map((mode) => [...modeForms[mode].dash]) },
  } as const
}

export function modeRows(shown: readonly Mode[]) {
  return {
    field: 'mode',
    type: 'nominal',
    title: null,
    scale: { domain: shown.slice() },
    axis: { ticks: false, domain: false, labelColor: variable('text') },
  } as const
}
