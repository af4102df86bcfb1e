export interface JunitCase {
  readonly name: string
  readonly state: 'passed' | 'failure' | 'error' | 'skipped'
  /** One line. */
  readonly message: string
  readonly type: string
  readonly details: string
  readonly file?: string
  readonly line?: number
}

export interface JunitSuite {
  readonly name: string
  readonly className: string
  readonly startedAt: string
  readonly endedAt: string
  readonly cases: readonly JunitCase[]
}

/** https://github.com/testmoapp/junitxml describes what readers of this format have in common. */
export function writeJunit({ name, className, startedAt, endedAt, cases }: JunitSuite): string {
  const count = (wanted: JunitCase['state']): number =>
    cases.filter(({ state }) => state === wanted).length
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000
  const counts = `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}" time="${seconds.toFixed(3)}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="meshbench" ${counts}>`,
    `  <testsuite name="${xml(name)}" ${counts} timestamp="${startedAt.slice(0, 19)}">`,
    ...cases.map((each) => testCase(each, className)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function testCase(each: JunitCase, className: string): string {
  const { name, state, message, type, details, file, line } = each
  const where = [
    file === undefined ? '' : ` file="${xml(file)}"`,
    line === undefined ? '' : ` line="${line}"`,
  ].join('')
  return [
    `    <testcase classname="${xml(className)}" name="${xml(name)}"${where}>`,
    state === 'passed'
      ? `      <system-out>${xml(details)}</system-out>`
      : state === 'skipped'
        ? `      <skipped message="${xml(message)}"/>`
        : `      <${state} message="${xml(message)}" type="${xml(type)}">${xml(details)}</${state}>`,
    '    </testcase>',
  ].join('\n')
}

/** XML 1.0 allows no control character but tab and line ends, not even escaped. */
function xml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\u00b7')
    .replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
