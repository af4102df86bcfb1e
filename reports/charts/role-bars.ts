import type { Mode } from '../../harness/modes.ts'
import { type chartedRoles, variable } from '../palette.ts'
import { formatNumber, typographic } from '../wording/numbers.ts'
import type { LegendEntry, PanelSpec } from './chart.ts'
import { niceCeiling } from './scale.ts'
import { drawing, type Layer, modeMargin, modeRows, position } from './theme.ts'

export type ChartedRole = (typeof chartedRoles)[number]

export interface Part {
  readonly mode: Mode
  readonly role: ChartedRole
  readonly value: number
}

export interface Outline {
  readonly mode: Mode
  readonly value: number
}

interface RoleBars {
  readonly shown: readonly Mode[]
  readonly parts: readonly Part[]
  readonly outlines?: readonly Outline[]
  readonly axisTitle: string
}

/** One bar per mode, stacked by role, its figures inside where they fit and the sum at its end. */
export function roleBars(bars: RoleBars, widthPx: number): PanelSpec {
  const { shown, parts, outlines = [], axisTitle } = bars
  const margin = { ...modeMargin, right: 48 }
  const sums = shown.map((mode) => ({ mode, value: sumOf(parts, mode) }))
  const top = niceCeiling(Math.max(...[...sums, ...outlines].map(({ value }) => value)))
  const pxPerUnit = (widthPx - margin.left - margin.right) / top
  const segments = stacked(shown, parts)
  const inside = segments.filter(({ from, to, text }) => {
    return (to - from) * pxPerUnit > text.length * 7 + 8
  })
  const x = { ...position('value', { title: axisTitle, domain: [0, top] }), stack: null }
  const y = modeRows(shown)
  const raw = (field: 'fill' | 'ink') => ({ field, type: 'nominal', scale: null }) as const
  const outlined: Layer[] =
    outlines.length === 0
      ? []
      : [
          {
            data: { values: outlines },
            mark: {
              type: 'bar',
              height: 32,
              fill: 'transparent',
              stroke: variable('muted'),
              strokeDash: [3, 2],
            },
            encoding: { x, y },
          },
          endLabels(clearOf(sums, outlines, 44 / pxPerUnit), { x, y }, 'normal'),
        ]
  return drawing(widthPx, shown.length * 46, margin, [
    ...outlined,
    {
      data: { values: segments },
      mark: { type: 'bar', height: 22 },
      encoding: {
        x: { ...x, field: 'from' },
        x2: { field: 'to' },
        y,
        color: raw('fill'),
        tooltip: [{ field: 'mode' }, { field: 'role' }, { field: 'text', title: axisTitle }],
      },
    },
    {
      data: { values: inside },
      mark: { type: 'text', baseline: 'middle', fontSize: 11 },
      encoding: {
        x: { ...x, field: 'middle' },
        y,
        text: { field: 'text' },
        color: raw('ink'),
      },
    },
    endLabels(sums, { x, y }, 'bold'),
  ])
}

function endLabels(
  values: readonly (Outline & { readonly text?: string })[],
  encoding: { readonly x: ReturnType<typeof position>; readonly y: ReturnType<typeof modeRows> },
  fontWeight: 'bold' | 'normal',
): Layer {
  return {
    data: { values: values.map((entry) => ({ text: write(entry.value), ...entry })) },
    mark: { type: 'text', align: 'left', dx: 6, baseline: 'middle', fontWeight },
    encoding: { ...encoding, text: { field: 'text' } },
  }
}

/** The figure of an outline moves right where it would stand on that of its bar. */
function clearOf(
  sums: readonly Outline[],
  outlines: readonly Outline[],
  room: number,
): (Outline & { readonly text: string })[] {
  return outlines.map(({ mode, value }) => {
    const sum = sums.find((entry) => entry.mode === mode)?.value ?? 0
    return { mode, value: Math.max(value, sum + room), text: write(value) }
  })
}

interface Segment {
  readonly mode: Mode
  readonly role: ChartedRole
  /** Colours of the bar and of the figure on it. */
  readonly fill: string
  readonly ink: string
  readonly from: number
  readonly to: number
  readonly middle: number
  readonly text: string
}

function stacked(shown: readonly Mode[], parts: readonly Part[]): Segment[] {
  return shown.flatMap((mode) => {
    let from = 0
    return parts
      .filter((part) => part.mode === mode)
      .map(({ role, value }) => {
        const to = from + value
        const segment = {
          mode,
          role,
          fill: variable(`role-${role}`),
          ink: variable(`on-role-${role}`),
          from,
          to,
          middle: (from + to) / 2,
          text: write(value),
        }
        from = to
        return segment
      })
  })
}

function sumOf(parts: readonly Part[], mode: Mode): number {
  return parts.filter((part) => part.mode === mode).reduce((sum, { value }) => sum + value, 0)
}

function write(value: number): string {
  return formatNumber(value, 1, typographic)
}

export function roleLegend(parts: readonly Part[]): LegendEntry[] {
  const roles = new Set(parts.map(({ role }) => role))
  return [...roles].map((role) => ({
    label: role === 'app' ? 'applications' : role,
    colour: variable(`role-${role}`),
  }))
}
