// The closed loop against wrk on a server that is the limit, alternating.
import { spawnSync } from 'node:child_process'
import { quantile } from './oracle.mjs'

const turns = 7

/** The middle of the turns' ratios: what slows one turn slows both sides of it. */
export async function saturation(generator, server, seconds) {
  if (spawnSync('wrk', ['--version']).error !== undefined) return null
  await server.behave({ kind: 'work', us: 200, blockedMs: 0 })
  const each = []
  for (let turn = 0; turn < turns; turn++) {
    const both = {}
    for (const who of turn % 2 === 0 ? ['wrk', 'own'] : ['own', 'wrk']) {
      both[who] = await rate[who](generator, server, seconds)
    }
    each.push(both)
  }
  const ratio = quantile(
    each.map(({ own, wrk }) => own / wrk),
    0.5,
  )
  const wrk = each.map((both) => both.wrk)
  // Where wrk does not agree with itself within 10 %, nobody can agree with it.
  const steady = quantile(wrk, 0.85) / quantile(wrk, 0.15) <= 1.1
  const ok = Math.abs(ratio - 1) <= 0.1
  return {
    wrkRate: quantile(wrk, 0.5),
    ownRate: quantile(
      each.map(({ own }) => own),
      0.5,
    ),
    ratio,
    verdict: ok ? 'ok' : steady ? 'MISSED' : 'not judged',
  }
}

const rate = {
  wrk: async (_, server, seconds) => {
    const url = `http://127.0.0.1:${server.port}/`
    const { stdout } = spawnSync('wrk', ['-t1', '-c16', `-d${seconds}s`, url], { encoding: 'utf8' })
    return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
  },
  own: async (generator, _, seconds) => {
    const asked = { service: 'a', model: 'closed', windowMs: seconds * 1e3 }
    return (await generator.load(asked)).achievedRate
  },
}
