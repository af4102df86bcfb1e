import type { Rehearsal } from '../../migration/result/rehearsal.ts'
import { clientScript } from '../html/client.ts'
import { html, jsonScript } from '../html/markup.ts'
import { pageHtml } from '../html/page.ts'
import { guarded, section } from '../html/section.ts'
import { figure } from '../html/sections/figures.ts'
import {
  callersPart,
  methodPart,
  proofPart,
  resourcesPart,
  stepsPart,
  verdictPart,
} from './sections.ts'
import { timelineChart } from './timeline.ts'

/** One file that needs nothing else; complete without JavaScript. */
export async function rehearsalHtml(record: Rehearsal): Promise<string> {
  const drawn = await figure(timelineChart(record), {})
  const { namespace, verdict, startedAt } = record
  const tone = { clean: 'better', lossy: 'worse', failed: 'worse' }[String(verdict)] ?? 'warning'
  const { timeline: _, ...rest } = record
  return pageHtml({
    title: `rehearsal of ${namespace} \u00b7 ${startedAt.slice(0, 10)} \u00b7 meshbench`,
    name: `rehearsal of ${namespace}`,
    badge: html`<span class="badge ${tone}">${verdict}</span>`,
    links: [
      ['course', 'Course'],
      ['steps', 'Steps'],
      ['callers', 'Callers'],
      ['resources', 'Resources'],
      ['proof', 'Proof'],
      ['method', 'Method'],
    ],
    main: html`<h1>Sidecar to ambient, rehearsed: ${namespace}</h1>
${guarded('Verdict', () => verdictPart(record))}
${section('course', 'Course', () => html`<div class="figures">${drawn}</div>`)}
${section('steps', 'Steps', () => stepsPart(record))}
${section('callers', 'Callers', () => callersPart(record))}
${section('resources', 'Resources', () => resourcesPart(record))}
${section('proof', 'Proof', () => proofPart(record))}
${section('method', 'Method and limits', () => methodPart(record))}`,
    footer: `meshbench ${record.tool.version} \u00b7 Node ${record.environment.node} \u00b7 rehearsal ${record.id}`,
    data: jsonScript('result', rest),
    scripts: [clientScript],
  })
}
