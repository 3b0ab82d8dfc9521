import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Client } from 'pg'
import { memory, memorySpace } from '../../../src/backends/memory.ts'
import { createElection } from '../../../src/election/election.ts'
import { fenceOf } from '../../../src/fencing/guard.ts'
import type { Fence } from '../../../src/fencing/guard.ts'
import { postgresGuard } from '../../../src/fencing/postgres-guard.ts'
import { eventually } from '../../integration/loopback.ts'
import { PostgresServer } from '../postgres.ts'

const guard = postgresGuard({ table: 'public.fence' })
let server: PostgresServer
let a: Client
let b: Client

beforeAll(async () => {
  server = await PostgresServer.start()
  a = await server.client()
  b = await server.client()
  await a.query(guard.schema)
  await a.query('CREATE TABLE invoices (number serial, author text)')
})
afterAll(() => server.close())
beforeEach(() => a.query('TRUNCATE public.fence, invoices'))

const fence = (token: bigint, scope = 's'): Fence => ({ token, scope, election: 'billing' })

async function authors(): Promise<string[]> {
  const { rows } = await b.query<{ author: string }>('SELECT author FROM invoices ORDER BY number')
  return rows.map(({ author }) => author)
}

async function inTransaction(client: Client, work: () => Promise<unknown>): Promise<void> {
  await client.query('BEGIN')
  try {
    await work()
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

const write = (client: Client, from: Fence, author: string) =>
  inTransaction(client, async () => {
    await guard.check(client, from)
    await client.query('INSERT INTO invoices (author) VALUES ($1)', [author])
  })

describe('the guard of PostgreSQL', () => {
  it('refuses the write of a leader that was paused while another took over', async () => {
    const space = memorySpace()
    const [one, two] = ['a', 'b'].map((id) =>
      createElection({ name: 'billing', backend: memory({ space }), candidate: { id } }),
    )
    try {
      const first = await one!.campaign()
      await write(a, fenceOf(first), 'a')
      let go = (): void => undefined
      const paused = new Promise<void>((resolve) => (go = resolve))
      const late = paused.then(() => write(a, fenceOf(first), 'a, late'))
      await first.resign()
      await write(b, fenceOf(await two!.campaign()), 'b')
      go()
      await expect(late).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
      expect(await authors()).toEqual(['a', 'b'])
    } finally {
      await Promise.all([one!.close(), two!.close()])
    }
  })

  it('refuses at the commit what was checked before: a newer leader waits for it, or comes first', async () => {
    await write(a, fence(1n), 'a')
    await a.query('BEGIN')
    await guard.check(a, fence(1n))
    let passed = false
    const newer = write(b, fence(2n), 'b').then(() => (passed = true))
    await eventually('the newer one to wait', async () => {
      const { rows } = await a.query('SELECT 1 FROM pg_locks WHERE NOT granted')
      return rows.length === 1 ? true : undefined
    })
    // Paused between check and commit, it still counts, for nobody newer has passed.
    expect(passed).toBe(false)
    await a.query("INSERT INTO invoices (author) VALUES ('a, slow')")
    await a.query('COMMIT')
    await newer
    expect(await authors()).toEqual(['a', 'a, slow', 'b'])
    await expect(write(a, fence(1n), 'a')).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
  })

  it('lets transactions of one leader go side by side', async () => {
    await write(a, fence(1n), 'first')
    await a.query('BEGIN')
    await guard.check(a, fence(1n))
    await write(b, fence(1n), 'beside')
    await a.query('COMMIT')
    expect(await authors()).toEqual(['first', 'beside'])
  })

  it('lets the first transactions of a new leader in, however many come at once', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => server.client()))
    await Promise.all(clients.map((client) => write(client, fence(9n), 'new')))
    expect(await authors()).toHaveLength(8)
  })

  it('undoes a raised token with the transaction that raised it', async () => {
    await inTransaction(a, async () => {
      await guard.check(a, fence(5n))
      throw new Error('rolled back')
    }).catch(() => undefined)
    await write(b, fence(4n), 'b')
    expect(await authors()).toEqual(['b'])
  })

  it('keeps what was checked in stricter isolation too', async () => {
    await write(a, fence(1n), 'a')
    await a.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await a.query('SELECT 1 FROM invoices')
    await write(b, fence(2n), 'b')
    // Its snapshot is older than the newer token: PostgreSQL itself says that it came too late.
    await expect(guard.check(a, fence(1n))).rejects.toMatchObject({ code: '40001' })
    await a.query('ROLLBACK')
  })

  it('never compares tokens of two scopes', async () => {
    await write(a, fence(5n), 'a')
    for (const token of [4n, 6n]) {
      await expect(write(a, fence(token, 'another'), 'x')).rejects.toMatchObject({
        code: 'CLUSTER_MISMATCH',
        details: { expected: 's', actual: 'another' },
      })
    }
  })

  it('says so outside of a transaction, where it would protect nothing', async () => {
    await write(a, fence(1n), 'a')
    for (const token of [1n, 2n]) {
      await expect(guard.check(a, fence(token))).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    }
  })

  it('takes tokens up to the largest bigint of PostgreSQL', async () => {
    await write(a, fence(2n ** 63n - 1n), 'a')
    await expect(write(a, fence(2n ** 63n - 2n), 'b')).rejects.toThrow(/token 9223372036854775807 was here/)
    expect(() => postgresGuard({ table: 'x; DROP TABLE y' })).toThrow(/lower-case name/)
  })
})
