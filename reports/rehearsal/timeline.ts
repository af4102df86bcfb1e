import type { Rehearsal } from '../../migration/result/rehearsal.ts'
import type { Chart, PanelSpec } from '../charts/chart.ts'
import { niceCeiling } from '../charts/scale.ts'
import { drawing, type Layer, position } from '../charts/theme.ts'
import { variable } from '../palette.ts'
import { fixed, formatNumber, plural, typographic } from '../wording/numbers.ts'

const heightPx = 180

interface Point {
  readonly second: number
  readonly requests: number
  readonly failed: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

interface Mark {
  readonly second: number
  readonly label: string
}

/** Failed requests and latency, second by second, with the moments at which steps began. */
export function timelineChart(record: Rehearsal): Chart {
  const points = record.timeline.points.map(
    ({ atMs, requests, failedRequests, p50Us, p99Us }): Point => ({
      second: atMs / 1000,
      requests,
      failed: failedRequests,
      p50Ms: p50Us === null ? null : p50Us / 1000,
      p99Ms: p99Us === null ? null : p99Us / 1000,
    }),
  )
  const marks = marksOf(record)
  const endSecond = Math.max((points.at(-1)?.second ?? 0) + record.timeline.binMs / 1000, 1)
  return {
    id: 'timeline',
    finding:
      record.failedRequests === 0
        ? 'No second of the migration had a failed request'
        : `${plural(points.filter(({ failed }) => failed > 0).length, 'second')} had failed requests`,
    subtitle: 'All callers together, second by second; dashed lines are where steps begin',
    reading:
      'Each bar counts the requests that were due in a second and failed. The lines are the median ' +
      'and the 99th percentile of the good answers of that second, from the moment a request was ' +
      'due: indicators, since a second holds few of them. Steps that only read follow each other ' +
      'at once, so only those that change something are marked.',
    legend: [
      { label: 'p99', colour: variable('mode-ambient') },
      { label: 'median (dashed)', colour: variable('mode-sidecar') },
    ],
    panels: [
      {
        heading: 'Failed requests per second',
        spec: (widthPx) => failedPanel(points, marks, endSecond, widthPx),
      },
      {
        heading: 'Latency, ms',
        spec: (widthPx) => latencyPanel(points, marks, endSecond, widthPx),
      },
    ],
    table: {
      columns: ['second', 'requests', 'failed', 'median, ms', 'p99, ms'],
      rows: points.map(({ second, requests, failed, p50Ms, p99Ms }) => [
        fixed(second, 0, typographic),
        fixed(requests, 0, typographic),
        fixed(failed, 0, typographic),
        p50Ms === null ? 'n/a' : formatNumber(p50Ms, 2, typographic),
        p99Ms === null ? 'n/a' : formatNumber(p99Ms, 2, typographic),
      ]),
    },
  }
}

/** Of the steps that did something; those next to each other share a label. */
function marksOf({ steps, startedAt }: Rehearsal): Mark[] {
  return steps
    .filter(({ calls }) => calls > 0)
    .map(({ startedAt: at, id, direction }) => ({
      second: (Date.parse(at) - Date.parse(startedAt)) / 1000,
      label: `${id.split('/')[0] ?? id}${direction === 'rollback' ? ' back' : ''}`,
    }))
}

function markLayers(marks: readonly Mark[], x: ReturnType<typeof position>, top: number): Layer[] {
  return [
    {
      data: { values: marks.slice() },
      mark: { type: 'rule', strokeDash: [3, 3], color: variable('muted') },
      encoding: { x },
    },
    {
      data: { values: marks.map((mark) => ({ ...mark, top })) },
      mark: {
        type: 'text',
        align: 'left',
        baseline: 'top',
        dx: 3,
        fontSize: 11,
        color: variable('muted'),
      },
      encoding: {
        x,
        y: { field: 'top', type: 'quantitative' },
        text: { field: 'label' },
      },
    },
  ]
}

function timeAxis(endSecond: number) {
  return position('second', {
    title: 'seconds since the load began',
    domain: [0, endSecond],
    grid: false,
  })
}

const margin = { left: 56, right: 16, top: 10, bottom: 44 }

function failedPanel(
  points: readonly Point[],
  marks: readonly Mark[],
  endSecond: number,
  widthPx: number,
): PanelSpec {
  const most = Math.max(...points.map(({ failed }) => failed), 0)
  const top = niceCeiling(Math.max(most, 4))
  const x = timeAxis(endSecond)
  const y = position('failed', { title: 'failed requests', domain: [0, top], ticks: 4 })
  return drawing(widthPx, heightPx, margin, [
    {
      data: { values: points.slice() },
      mark: { type: 'rule', strokeWidth: 3, color: variable('worse') },
      encoding: {
        x,
        y,
        y2: { datum: 0 },
        tooltip: [{ field: 'second' }, { field: 'requests' }, { field: 'failed' }],
      },
    },
    ...markLayers(marks, x, top),
  ])
}

function latencyPanel(
  points: readonly Point[],
  marks: readonly Mark[],
  endSecond: number,
  widthPx: number,
): PanelSpec {
  const top = niceCeiling(Math.max(...points.map(({ p99Ms }) => p99Ms ?? 0), 0.1))
  const x = timeAxis(endSecond)
  const line = (field: 'p50Ms' | 'p99Ms', colour: string, strokeDash: number[]): Layer => ({
    data: { values: points.filter((point) => point[field] !== null) },
    mark: { type: 'line', strokeWidth: 1.75, color: colour, strokeDash },
    encoding: {
      x,
      y: position(field, { title: 'ms', domain: [0, top], ticks: 4 }),
      tooltip: [{ field: 'second' }, { field, title: 'ms', format: '.3~r' }],
    },
  })
  return drawing(widthPx, heightPx, margin, [
    line('p99Ms', variable('mode-ambient'), []),
    line('p50Ms', variable('mode-sidecar'), [6, 3]),
    ...markLayers(marks, x, top),
  ])
}
