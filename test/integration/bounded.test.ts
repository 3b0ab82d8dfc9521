/** L8: what a process holds does not grow with what it went through, but for its log. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readdirSync, statSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { queryObjects } from 'node:v8'
import { expect, test } from 'vitest'
import { raft } from '../../src/backends/raft.ts'
import { createElection } from '../../src/index.ts'
import { eventually, Loopback, peerTable } from './loopback.ts'

const cycles = 160

/** Whatever has a queue, a timer, a wait or a connection shows here. The entries of a log are plain objects and arrays. */
const kinds = [Map, Set, Promise, AbortSignal, Function, Error, Socket] as const

type Held = Readonly<Record<string, number>>

/** Collects garbage first. */
function held(): Held {
  const objects = kinds.map((kind) => [kind.name, queryObjects(kind, { format: 'count' })] as const)
  return {
    ...Object.fromEntries(objects),
    files: readdirSync('/proc/self/fd').length,
    waits: process.getActiveResourcesInfo().length,
  }
}

test('campaigns, cancellations, observers, clients that come and go, and connections that break leave nothing behind', async () => {
  const stage = new Loopback()
  const sockets = watchSockets()
  try {
    const ids = ['a', 'b', 'c'] as const
    const peers = await peerTable(...ids)
    const backends = await Promise.all(ids.map((id) => stage.peer(peers, id)))
    const logBytes = (): number =>
      ids.reduce((sum, id) => sum + statSync(join(stage.dataDir(id), 'log')).size, 0)
    // Not through the stage, which remembers every backend that it made.
    const newClient = () => raft({ peers, timing: 'fast', onBackgroundFailure: () => undefined })
    let client = newClient()
    stage.atEnd(() => client.close())

    const cycle = async (number: number): Promise<void> => {
      if (number % 8 === 0) {
        await client.close()
        client = newClient()
      }
      const name = `election-${number}`
      const others = backends[(number + 1) % 3]!
      const election = createElection({ name, backend: number % 2 === 0 ? client : backends[number % 3]! })
      const rival = createElection({ name, backend: others, candidate: { id: `rival-${number}` } })
      const watching = (async () => {
        for await (const state of rival.observe()) if (state.type === 'led' && number % 4 === 0) break
      })()
      const cancelled = new AbortController()
      const waiting = rival.campaign({ signal: cancelled.signal }).then(
        (leadership) => leadership.resign(),
        () => undefined,
      )
      if (number % 3 === 0) cancelled.abort()
      const leadership = await election.campaign()
      sockets.breakOne(number)
      if (number % 5 !== 0) await leadership.resign()
      await Promise.all([election.close(), waiting])
      await rival.close()
      await watching
    }

    for (let number = 1; number <= cycles / 4; number++) await cycle(number)
    const [before, heapBefore, logBefore] = [held(), process.memoryUsage().heapUsed, logBytes()]
    for (let number = 1; number <= cycles; number++) await cycle(cycles + number)

    const grown = (now: Held): string[] =>
      Object.keys(now)
        .filter((kind) => now[kind]! - before[kind]! >= cycles / 4)
        .map((kind) => `${kind}: ${before[kind]}, and ${now[kind]} after ${cycles} cycles`)
    // A connection that broke last may not be up again yet, or its end not be noticed.
    const isBack = (): true | undefined => (grown(held()).length === 0 ? true : undefined)
    await eventually('as little to be held as before', isBack, { withinMs: 30_000 }).catch(() => undefined)
    expect(grown(held())).toEqual([])
    // In memory an entry takes about twice what it takes on disk.
    const logGrowth = logBytes() - logBefore
    expect(logGrowth).toBeGreaterThan(0)
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(5 * logGrowth + 2 ** 20)
  } finally {
    sockets.close()
    await stage.close()
  }
})

/** Every connection that is dialled in this process. */
function watchSockets(): { breakOne(number: number): void; close(): void } {
  const all = new Set<Socket>()
  const opened = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    all.add(socket)
    socket.once('close', () => all.delete(socket))
  }
  subscribe('net.client.socket', opened)
  return {
    breakOne: (number) => void [...all][number % Math.max(1, all.size)]?.resetAndDestroy(),
    close: () => void unsubscribe('net.client.socket', opened),
  }
}
