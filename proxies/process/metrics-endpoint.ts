import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzip } from 'node:zlib'
import type { MetricsFormat } from '../telemetry/registry.ts'

const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** `/metrics` and `/stats/prometheus`: the format a scraper asks for, compressed when it can read that. */
export function answerMetrics(
  render: (format: MetricsFormat) => string,
): (request: IncomingMessage, response: ServerResponse) => void {
  return ({ headers }, response) => {
    const format = headers.accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'text'
    const text = render(format)
    response.setHeader('content-type', CONTENT_TYPES[format])
    response.setHeader('vary', 'accept, accept-encoding')
    if (!acceptsGzip(headers['accept-encoding'])) {
      response.end(text)
      return
    }
    gzip(text, (error, packed) => {
      if (!error) response.setHeader('content-encoding', 'gzip')
      response.end(error ? text : packed)
    })
  }
}

/** RFC 9110 section 12.5.3, as far as scrapers go: named, and not with weight 0. */
function acceptsGzip(header: string | readonly string[] | undefined): boolean {
  return /(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(String(header ?? ''))
}
