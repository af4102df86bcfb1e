import type { Mode } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { gatesMarkdown } from '../gates/markdown.ts'
import { type MetricId, metricOf } from '../metrics.ts'
import { comparisonOf, describe, estimateText } from '../wording/difference.ts'
import { findingsOf } from '../wording/findings.ts'
import { ascii, fixed } from '../wording/numbers.ts'
import { alarm, failures, mainPair, modesOf, settingText } from '../wording/run.ts'
import { verdictSentence } from '../wording/verdict.ts'
import { escaped, tableRow } from './escape.ts'

const rows: readonly MetricId[] = [
  'proxyCpuMsPerThousand',
  'proxyPssMiB',
  'latencyP50Ms',
  'latencyP99Ms',
]

/** `summary.md`: about ten lines for a pull request comment or a step summary. */
export function summaryMarkdown(result: Result): string {
  const shown = modesOf(result)
  const pair = mainPair(result)
  const raised = alarm(result)
  const head = ['', ...shown, ...(pair === null ? [] : [`${pair[1]} vs ${pair[0]}`])]
  const grave = findingsOf(result).filter(({ severity }) => severity !== 'info')
  return [
    `**meshbench** ${[result.options.workload, ...settingText(result)].map(escaped).join(' · ')}`,
    '',
    ...(raised === null ? [] : [`> **${raised}**`, '']),
    verdictSentence(result, ascii),
    '',
    ...(result.gates === undefined ? [] : [...gatesMarkdown(result.gates), '']),
    tableRow(head),
    `|---|${head
      .slice(1)
      .map(() => '--:|')
      .join('')}`,
    ...rows.map((metric) => tableRow(cells(result, shown, pair, metric))),
    tableRow(['failed requests', ...shown.map((mode) => fixed(failures(result, mode).failed, 0))]),
    ...(grave.length === 0 ? [] : ['']),
    ...grave.map(({ severity, message, where }) =>
      escaped(`- ${severity}: ${message}${where === '' ? '' : ` (${where})`}`),
    ),
    '',
  ].join('\n')
}

function cells(
  result: Result,
  shown: readonly Mode[],
  pair: readonly [Mode, Mode] | null,
  id: MetricId,
): string[] {
  const metric = metricOf(id)
  const found = pair && comparisonOf(result, pair[0], pair[1], id)
  const text = found ? describe(result, found) : null
  return [
    `${metric.title}, ${metric.unit}`,
    ...shown.map((mode) => estimateText(metric, result.modes[mode]?.summary[id]).value),
    ...(text === null ? [] : [`${text.amount} ${text.word}`]),
  ]
}
