import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bindSocket } from '../../cluster/agent/bound-socket.ts'
import type { DesiredSocket } from '../../cluster/agent/capture-plan.ts'
import { CapturedSocket } from '../../cluster/agent/captured-socket.ts'
import { ContainerProcess } from '../../cluster/agent/container-process.ts'
import { LogFile } from '../../cluster/agent/log-file.ts'
import { claimLoopbackBlock } from '../../cluster/agent/loopback-block.ts'
import { get } from '../fixtures/http-get.ts'
import { socketApp } from '../fixtures/running-core.ts'

const port = 8080

/** A socket, processes that can own it, and a way to wait for a move to end. */
async function stage(
  t: { after(run: () => Promise<void>): void },
  names: readonly string[],
  { answerTimeoutMs = 10_000 } = {},
) {
  const directory = await mkdtemp(join(tmpdir(), 'mb-handover-'))
  const plan = await claimLoopbackBlock()
  const processes = new Map<string, ContainerProcess>()
  const image = socketApp['test/app']
  assert.ok(image)
  for (const name of names) {
    const env = { HOST: plan.takePod().podIp, PORT: String(port), POD_NAME: name }
    const log = new LogFile(join(directory, `${name}.log`))
    processes.set(
      name,
      new ContainerProcess({ id: name, image, args: [], env, log, answerTimeoutMs }),
    )
  }
  await Promise.all(
    [...processes.values()].map(
      (process) =>
        new Promise<void>((resolve) =>
          process.onReport(({ type }) => type === 'started' && resolve()),
        ),
    ),
  )
  const { podIp: host } = plan.takePod()
  const wanted = (...owners: string[]): DesiredSocket => ({
    id: 'socket',
    podUid: 'pod',
    host,
    port,
    by: 'app',
    owners: owners.map((process) => ({ process, purpose: { port } })),
  })
  const errors: unknown[] = []
  let settled: (() => void) | undefined
  const socket = new CapturedSocket(wanted(), {
    bind: bindSocket,
    process: (id) => processes.get(id),
    onSettled: () => settled?.(),
    onError: (error) => errors.push(error),
  })
  t.after(async () => {
    socket.stop()
    for (const process of processes.values()) process.kill('SIGKILL')
    await Promise.all([...processes.values()].map(({ exited }) => exited))
    await plan.close()
    await rm(directory, { recursive: true, force: true })
  })
  const moveTo = (...owners: string[]): Promise<void> =>
    new Promise((resolve) => {
      settled = resolve
      socket.want(wanted(...owners))
      if (socket.isSettled) resolve()
    })
  return { socket, processes, host, moveTo, errors }
}

test('no fresh connection is lost while a socket moves between two owners again and again', async (t) => {
  const { host, moveTo, errors } = await stage(t, ['a', 'b'])
  await moveTo('a')
  const answeredBy = new Map<string, number>()
  const failures: unknown[] = []
  let moving = true
  t.after(() => {
    moving = false
  })
  const client = async (): Promise<void> => {
    while (moving) {
      try {
        const { pod } = await get(host, port)
        answeredBy.set(pod, (answeredBy.get(pod) ?? 0) + 1)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  const clients = Array.from({ length: 4 }, client)
  for (let moves = 0; moves < 20; moves += 1) {
    await moveTo(moves % 2 === 0 ? 'b' : 'a')
    // Traffic in between, so that every move meets connections on their way.
    for (let requests = 0; requests < 5; requests += 1) await get(host, port)
  }
  moving = false
  await Promise.all(clients)
  assert.deepEqual(failures, [])
  assert.deepEqual(errors, [])
  assert.deepEqual([...answeredBy.keys()].sort(), ['a', 'b'])
})

test('a connection on the old owner lives on after the socket has moved', async (t) => {
  const { host, moveTo } = await stage(t, ['a', 'b'])
  await moveTo('a')
  const connection = connect(port, host)
  connection.setEncoding('utf8')
  const ask = async (): Promise<string> => {
    connection.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    let answer = ''
    while (!answer.includes('"peer"')) answer += (await once(connection, 'data'))[0]
    return answer
  }
  assert.match(await ask(), /"pod":"a"/)
  await moveTo('b')
  assert.match(await ask(), /"pod":"a"/)
  assert.equal((await get(host, port)).pod, 'b')
  connection.destroy()
})

test('clients of an owner that was killed are refused, and served again by the next one', async (t) => {
  const { socket, processes, host, moveTo } = await stage(t, ['a', 'b'])
  await moveTo('a')
  const owner = processes.get('a')
  owner?.kill('SIGKILL')
  await owner?.exited
  socket.drop('a')
  await moveTo()
  await assert.rejects(get(host, port), { code: 'ECONNREFUSED' })
  await moveTo('b')
  assert.equal((await get(host, port)).pod, 'b')
})

test('when one of two owners dies the other goes on serving', async (t) => {
  const { socket, processes, host, moveTo } = await stage(t, ['a', 'b'])
  await moveTo('a', 'b')
  const owner = processes.get('a')
  owner?.kill('SIGKILL')
  await owner?.exited
  socket.drop('a')
  await moveTo('b')
  for (let tries = 0; tries < 10; tries += 1) assert.equal((await get(host, port)).pod, 'b')
})

/** Stands still until `wake`, as a process does that gets no time on a crowded machine. */
function stall(process: ContainerProcess | undefined): () => void {
  process?.kill('SIGSTOP')
  return () => process?.kill('SIGCONT')
}

const answerTimeoutMs = 200

/** A move that the process fails to answer in time; what is wanted changes only then. Its answer comes after `wake`. */
async function stalledMove(
  { processes, moveTo, errors }: Awaited<ReturnType<typeof stage>>,
  stalled: string,
  owner: string,
): Promise<{ wake(): void }> {
  const wake = stall(processes.get(stalled))
  void moveTo(owner)
  while (errors.length === 0) await sleep(20)
  assert.match(String(errors[0]), /did not answer/)
  return { wake }
}

async function settled({ socket }: Awaited<ReturnType<typeof stage>>): Promise<void> {
  while (!socket.isSettled) await sleep(20)
}

test('an owner that answers too late is asked again, and has the socket alone in the end', async (t) => {
  const staged = await stage(t, ['a', 'b'], { answerTimeoutMs })
  const { host, moveTo } = staged
  await moveTo('a')
  const { wake } = await stalledMove(staged, 'b', 'b')
  assert.equal((await get(host, port)).pod, 'a', 'the old owner serves until the new one does')
  wake()
  await settled(staged)
  for (let tries = 0; tries < 10; tries += 1) assert.equal((await get(host, port)).pod, 'b')
})

test('an owner that answered too late lets go of a socket that it is not to have any more', async (t) => {
  const staged = await stage(t, ['a', 'b'], { answerTimeoutMs })
  const { host, moveTo } = staged
  await moveTo('a')
  const { wake } = await stalledMove(staged, 'b', 'b')
  void moveTo('a')
  wake()
  await settled(staged)
  for (let tries = 0; tries < 10; tries += 1) assert.equal((await get(host, port)).pod, 'a')
  await moveTo()
  await assert.rejects(get(host, port), { code: 'ECONNREFUSED' }, 'nobody holds it')
})

test('an owner that was too slow to let go, and is to keep the socket after all, serves it', async (t) => {
  const staged = await stage(t, ['a', 'b'], { answerTimeoutMs })
  const { host, moveTo } = staged
  await moveTo('a')
  const { wake } = await stalledMove(staged, 'a', 'b')
  void moveTo('a')
  wake()
  await settled(staged)
  for (let tries = 0; tries < 10; tries += 1) {
    const { pod } = await Promise.race([get(host, port), sleep(5_000, { pod: 'nobody' })])
    assert.equal(pod, 'a')
  }
})

test('a first owner that answers too late gets the socket although nobody else has it', async (t) => {
  const staged = await stage(t, ['a'], { answerTimeoutMs })
  const { host } = staged
  const { wake } = await stalledMove(staged, 'a', 'a')
  wake()
  await settled(staged)
  assert.equal((await get(host, port)).pod, 'a')
})

test('an address that is taken is reported with the port and what to do', async (t) => {
  const plan = await claimLoopbackBlock()
  const { podIp } = plan.takePod()
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(port, podIp, resolve))
  t.after(async () => {
    other.close()
    await plan.close()
  })
  assert.throws(() => bindSocket(podIp, port), {
    code: 'SOCKET_TAKEN',
    message: `cannot bind ${podIp}:8080 (EADDRINUSE)`,
  })
})
