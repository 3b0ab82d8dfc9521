// Three or five candidates as processes, and everything they say, stamped at arrival by the collector's own clock.
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('candidate.mjs', import.meta.url))

export const now = () => Number(process.hrtime.bigint()) / 1e6
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function freePorts(count) {
  const servers = []
  for (let i = 0; i < count; i++) {
    const server = createServer()
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
  }
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

export async function startCluster({ size, timing, exclusivity, record }) {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-'))
  const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, size)
  const ports = await freePorts(size)
  const peers = Object.fromEntries(ids.map((id, i) => [id, `127.0.0.1:${ports[i]}`]))
  const processes = new Map()
  let waiters = []

  function start(id) {
    const config = JSON.stringify({ id, peers, dataDir: join(folder, id), timing, exclusivity })
    const child = fork(script, [config], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    let rest = ''
    child.stdout.on('data', (chunk) => {
      const seen = now()
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const event = { ...JSON.parse(line), seen }
        record?.(event)
        for (const waiter of [...waiters]) waiter(event)
      }
    })
    processes.set(id, child)
  }

  function next(what, matches, patienceMs = 30_000) {
    return new Promise((resolve, reject) => {
      const waiter = (event) => {
        if (!matches(event)) return
        clearTimeout(timer)
        waiters = waiters.filter((other) => other !== waiter)
        resolve(event)
      }
      const timer = setTimeout(() => reject(new Error(`not within ${patienceMs} ms: ${what}`)), patienceMs)
      waiters.push(waiter)
    })
  }

  const elected = next('a first leader', ({ event }) => event === 'elected')
  for (const id of ids) start(id)
  const first = await elected
  return {
    leader: first.id,
    process: (id) => processes.get(id),
    start,
    next,
    close() {
      for (const child of processes.values()) child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
