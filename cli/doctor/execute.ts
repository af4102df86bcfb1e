import type { RawDoctorOptions } from '../commands/doctor.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { type Check, judgeMachine, type Level } from './checks.ts'
import { probeMachine } from './probe.ts'

export async function doctor(raw: RawDoctorOptions, context: CommandContext): Promise<number> {
  const facts = await probeMachine(
    { kubeconfig: raw.kubeconfig, out: raw.out ?? '.meshbench' },
    context.env,
  )
  const checks = judgeMachine(facts)
  const ready = checks.every(({ level }) => level !== 'missing')
  const exitCode = ready ? exitCodes.ok : exitCodes.environment
  context.out(
    context.json ? JSON.stringify({ ready, checks, exitCode }) : describe(checks, context),
  )
  return exitCode
}

const styles = { ok: 'better', warning: 'warning', missing: 'worse', skipped: 'faint' } as const
const levels: readonly Level[] = ['ok', 'warning', 'missing', 'skipped']

function describe(checks: readonly Check[], { paint }: CommandContext): string {
  const level = Math.max(...levels.map(({ length }) => length))
  const name = Math.max(...checks.map((check) => check.name.length))
  const lines = checks.flatMap((check) => [
    `${paint(styles[check.level], check.level.padEnd(level))}  ${check.name.padEnd(name)}  ${check.found}`,
    ...(check.advice === ''
      ? []
      : [`${' '.repeat(level + name + 4)}${paint('faint', check.advice)}`]),
  ])
  const missing = checks.filter((check) => check.level === 'missing').length
  const warnings = checks.filter((check) => check.level === 'warning').length
  const end =
    missing > 0
      ? `${missing} of these must be put right before a run`
      : warnings === 0
        ? 'ready to measure'
        : `ready to measure, with ${warnings === 1 ? 'one warning' : `${warnings} warnings`}`
  return [...lines, '', end].join('\n')
}
