import type { Result } from '../harness/result/schema.ts'
import { unknownFormat } from './errors.ts'

/** What a run writes. */
export const defaultFormats = ['html', 'csv', 'md'] as const

export const formats = [
  ...defaultFormats,
  'junit',
  'svg',
  'json',
  'benchstat',
  'github-action-benchmark',
  'bencher',
  'fortio',
] as const

export type Format = (typeof formats)[number]

export interface ReportFile {
  readonly name: string
  readonly content: string
}

export interface RenderOptions {
  /** Without the vega bundles the page is static: small enough for mail, complete all the same. */
  readonly interactive?: boolean
}

/** `html,csv` as it comes from a command line. */
export function parseFormats(list: string): Format[] {
  return list.split(',').map((word) => {
    const found = formats.find((format) => format === word.trim())
    if (found === undefined) throw unknownFormat(word.trim(), formats)
    return found
  })
}

/** Every document of an analysed result. Renderers are loaded when asked for: vega alone takes 120 ms. */
export async function renderAll(
  result: Result,
  wanted: readonly Format[] = defaultFormats,
  options: RenderOptions = {},
): Promise<ReportFile[]> {
  const files = await Promise.all(wanted.map((format) => renderers[format](result, options)))
  return files.flat()
}

const renderers: Record<Format, (result: Result, options: RenderOptions) => Promise<ReportFile[]>> =
  {
    html: async (result, { interactive = true }) => {
      const { reportHtml } = await import('./html/report.ts')
      return [{ name: 'report.html', content: await reportHtml(result, { interactive }) }]
    },
    csv: async (result) => {
      const { windowsCsv } = await import('./csv/windows.ts')
      const { summaryCsv } = await import('./csv/summary.ts')
      return [
        { name: 'windows.csv', content: windowsCsv(result) },
        { name: 'summary.csv', content: summaryCsv(result) },
      ]
    },
    md: async (result) => {
      const { summaryMarkdown } = await import('./markdown/summary.ts')
      return [{ name: 'summary.md', content: summaryMarkdown(result) }]
    },
    junit: async (result) => {
      const { runJunit } = await import('./junit/run.ts')
      return [{ name: 'junit.xml', content: runJunit(result) }]
    },
    svg: async (result) => {
      const { chartFiles } = await import('./svg/charts.ts')
      return await chartFiles(result)
    },
    json: async (result) => [
      { name: 'report.json', content: `${JSON.stringify(result, null, 2)}\n` },
    ],
    benchstat: async (result) => {
      const { benchstat } = await import('./exports/benchstat.ts')
      return [{ name: 'benchstat.txt', content: benchstat(result) }]
    },
    'github-action-benchmark': async (result) => {
      const { githubActionBenchmark } = await import('./exports/github-action-benchmark.ts')
      return [{ name: 'github-action-benchmark.json', content: githubActionBenchmark(result) }]
    },
    bencher: async (result) => {
      const { bencher } = await import('./exports/bencher.ts')
      return [{ name: 'bencher.json', content: bencher(result) }]
    },
    fortio: async (result) => (await import('./exports/fortio.ts')).fortio(result),
  }
