import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { MigrationError } from '../errors.ts'
import { type Plan, planSchema, planSchemaVersion } from '../result/plan.ts'

/** Whole or not at all: whoever reads it meanwhile sees the former file. */
export function writePlan(path: string, plan: Plan): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    const draft = `${path}.${process.pid}.tmp`
    writeFileSync(draft, `${JSON.stringify(planSchema.parse(plan), null, 2)}\n`, { flush: true })
    renameSync(draft, path)
  } catch (cause) {
    if (!isSystemError(cause)) throw cause
    throw problem(`the plan cannot be written to ${path}: ${cause.message}`, {
      code: 'PLAN_NOT_WRITTEN',
      hint: 'choose another place with --out',
      cause,
    })
  }
}

/** Refuses other documents, plans of a newer meshbench and damaged ones, each with a hint. */
export function readPlan(path: string): Plan {
  if (!existsSync(path)) {
    throw problem(`there is no plan ${path}`, {
      code: 'PLAN_MISSING',
      hint: 'make one with `meshbench migrate plan --namespace NS --out FILE`',
    })
  }
  const value = parsed(path)
  const { kind, schemaVersion } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (kind !== 'meshbench-migration-plan') {
    throw problem(`${path} is no migration plan`, {
      code: 'PLAN_OTHER_FILE',
      hint: 'name the plan.json that `meshbench migrate plan` wrote',
    })
  }
  if (typeof schemaVersion === 'number' && schemaVersion > planSchemaVersion) {
    throw problem(
      `${path} was written by a newer meshbench (schema ${schemaVersion}, this one knows ${planSchemaVersion})`,
      { code: 'PLAN_NEWER', hint: 'apply it with the meshbench that wrote it, or plan again' },
    )
  }
  const plan = planSchema.safeParse(value)
  if (plan.success) return plan.data
  const [first] = plan.error.issues
  const where = first?.path.join('.') ?? ''
  throw problem(`${path} is damaged: ${where === '' ? '' : `${where}: `}${first?.message}`, {
    code: 'PLAN_DAMAGED',
    hint: 'plans are not made to be edited: plan again',
  })
}

function parsed(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw problem(`${path} cannot be read: ${(cause as Error).message}`, {
      code: 'PLAN_UNREADABLE',
      hint: 'check the path and its permissions',
      cause,
    })
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    const cut = text.trimStart().startsWith('{') && !text.trimEnd().endsWith('}')
    throw problem(`${path} is ${cut ? 'cut off in the middle' : 'not JSON'}`, {
      code: 'PLAN_DAMAGED',
      hint: 'plan again, or fetch the file anew',
      cause,
    })
  }
}

function problem(
  message: string,
  fields: { readonly code: string; readonly hint: string; readonly cause?: unknown },
): MigrationError {
  return new MigrationError(message, { ...fields, exitCode: 2 })
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
