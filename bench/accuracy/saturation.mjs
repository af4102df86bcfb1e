// The closed loop against wrk on a server that is the limit, alternating.
import { spawnSync } from 'node:child_process'

export async function saturation(generator, server, seconds) {
  if (spawnSync('wrk', ['--version']).error !== undefined) return null
  await server.behave({ kind: 'work', us: 200, blockedMs: 0 })
  const wrk = []
  const own = []
  for (let turn = 0; turn < 3; turn++) {
    const url = `http://127.0.0.1:${server.port}/`
    const { stdout } = spawnSync('wrk', ['-t1', '-c16', `-d${seconds}s`, url], { encoding: 'utf8' })
    wrk.push(Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]))
    const asked = { service: 'a', model: 'closed', windowMs: seconds * 1e3 }
    own.push((await generator.load(asked)).achievedRate)
  }
  const middle = (values) => values.sort((a, b) => a - b)[1]
  const [wrkRate, ownRate] = [middle(wrk), middle(own)]
  return {
    wrkRate,
    ownRate,
    apart: ownRate / wrkRate - 1,
    ok: Math.abs(ownRate / wrkRate - 1) <= 0.1,
  }
}
