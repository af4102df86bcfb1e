import { dirname, join } from 'node:path'
import { makeFolder, writeAtomically } from '../../harness/result/folder.ts'
import type { Sweep } from '../../harness/result/sweep.ts'
import type { ReportFile } from '../../reports/render.ts'
import { UsageError } from '../errors.ts'
import { parseList } from '../values/list.ts'

const formats = ['html', 'svg', 'json'] as const
const defaultFormats = ['html', 'svg'] as const

/** What `report` makes of a sweep, beside the reports of its points. */
export function sweepFormats(list: string): (typeof formats)[number][] {
  try {
    return parseList('--format', list, formats, 'format')
  } catch (error) {
    const { message } = error as Error
    throw new UsageError(
      message,
      `a sweep can be made into ${formats.join(', ')}; its points are runs`,
    )
  }
}

export async function writeSweepDocuments(
  sweep: Sweep,
  folder: string,
  wanted: readonly (typeof formats)[number][] = defaultFormats,
): Promise<string[]> {
  makeFolder(folder)
  const files = await Promise.all(wanted.map((format) => render(sweep, format)))
  return files.flat().map(({ name, content }) => {
    const path = join(folder, name)
    makeFolder(dirname(path))
    writeAtomically(path, content)
    return path
  })
}

async function render(sweep: Sweep, format: (typeof formats)[number]): Promise<ReportFile[]> {
  if (format === 'json') {
    return [{ name: 'report.json', content: `${JSON.stringify(sweep, null, 2)}\n` }]
  }
  if (format === 'svg') {
    return await (await import('../../reports/svg/charts.ts')).sweepChartFiles(sweep)
  }
  const { sweepHtml } = await import('../../reports/sweep/html.ts')
  return [{ name: 'sweep.html', content: await sweepHtml(sweep) }]
}
