import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memory, memorySpace } from '../backends/memory.ts'
import { createElection } from '../election/election.ts'
import { fileFenceStore } from './fence-store.ts'
import type { FenceStore } from './fence-store.ts'
import { fenceFromEnvironment, fenceOf } from './guard.ts'
import type { Fence } from './guard.ts'
import { fenceHeaders, httpGuard } from './http-guard.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-fence-'))
  file = join(folder, 'tokens.json')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const fence = (token: bigint, more: Partial<Fence> = {}): Fence => ({
  token,
  scope: 's',
  election: 'billing',
  ...more,
})
const requestOf = (from: Fence): Request =>
  new Request('http://service/', { method: 'POST', headers: fenceHeaders(from) })
const done = (): Promise<Response> => Promise.resolve(new Response('done'))

/** A promise that the test settles. */
function gate() {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}

async function statusOf(answer: Response | Promise<Response>): Promise<number> {
  return (await answer).status
}

describe('the HTTP guard', () => {
  it('refuses the write of a leader that was paused while another took over', async () => {
    const guard = httpGuard({ store: fileFenceStore(file) })
    const written: string[] = []
    const write = (who: string, from: Fence): Promise<Response> =>
      guard.around(requestOf(from), async () => {
        written.push(who)
        return new Response('done')
      })
    const space = memorySpace()
    const [a, b] = ['a', 'b'].map((id) =>
      createElection({ name: 'billing', backend: memory({ space }), candidate: { id } }),
    )
    try {
      const first = await a!.campaign()
      expect(await statusOf(write('a', fenceOf(first)))).toBe(200)
      // Checked, and then paused before the request is sent.
      expect(first.isValid()).toBe(true)
      const paused = gate()
      const late = paused.opened.then(() => write('a, late', fenceOf(first)))
      await first.resign()
      const second = await b!.campaign()
      expect(await statusOf(write('b', fenceOf(second)))).toBe(200)
      paused.open()
      const answer = await late
      expect(answer.status).toBe(412)
      expect(await answer.json()).toMatchObject({ code: 'LEADERSHIP_LOST' })
      expect(written).toEqual(['a', 'b'])
    } finally {
      await Promise.all([a!.close(), b!.close()])
    }
  })

  it('lets a new leader wait for a request of the old one that passed and is still at work', async () => {
    const guard = httpGuard({ store: fileFenceStore(file) })
    const slow = gate()
    const order: string[] = []
    const old = guard.around(requestOf(fence(1n)), async () => {
      await slow.opened
      order.push('old')
      return new Response('done')
    })
    const fresh = guard.around(requestOf(fence(2n)), () => {
      order.push('new')
      return done()
    })
    // The mark is stored while the old one still works: from then on no other old one enters.
    await expect.poll(() => statusOf(guard.around(requestOf(fence(1n)), done))).toBe(412)
    expect(readFileSync(file, 'utf8')).toContain('"2"')
    expect(order).toEqual([])
    slow.open()
    await Promise.all([old, fresh])
    expect(order).toEqual(['old', 'new'])
  })

  it('gives up on an old request that is never answered', async () => {
    const guard = httpGuard({ store: fileFenceStore(file), drainMs: 20 })
    const slow = gate()
    const old = guard.around(requestOf(fence(1n)), () => slow.opened.then(done))
    await expect.poll(() => readFileSync(file, 'utf8')).toContain('"1"')
    expect(await statusOf(guard.around(requestOf(fence(2n)), done))).toBe(503)
    slow.open()
    await old
    expect(await statusOf(guard.around(requestOf(fence(2n)), done))).toBe(200)
  })

  it('refuses an old request whose answer from the store came after that to a newer one', async () => {
    const late = gate()
    const store: FenceStore = { raise: ({ token }) => (token === 1n ? late.opened : Promise.resolve()) }
    const guard = httpGuard({ store })
    const old = guard.around(requestOf(fence(1n)), done)
    expect(await statusOf(guard.around(requestOf(fence(2n)), done))).toBe(200)
    late.open()
    expect(await statusOf(old)).toBe(412)
  })

  it('remembers the newest token over a restart', async () => {
    expect(await httpGuard({ store: fileFenceStore(file) }).check(requestOf(fence(7n)))).toBeUndefined()
    const again = httpGuard({ store: fileFenceStore(file) })
    expect((await again.check(requestOf(fence(6n))))?.status).toBe(412)
    expect(await again.check(requestOf(fence(7n)))).toBeUndefined()
    expect(await again.check(requestOf(fence(6n, { election: 'mail' })))).toBeUndefined()
  })

  it('never compares tokens of two scopes', async () => {
    const guard = httpGuard({ store: fileFenceStore(file) })
    await guard.check(requestOf(fence(7n)))
    for (const token of [6n, 8n]) {
      const answer = await guard.check(requestOf(fence(token, { scope: 'another' })))
      expect(answer?.status).toBe(412)
      expect(await answer?.json()).toMatchObject({ code: 'CLUSTER_MISMATCH' })
    }
  })

  it('never takes a damaged file for an empty one', async () => {
    for (const text of ['', '{}', '{"format":"mandate-fence-1","marks":{"billing":{"scope":"s"}}}']) {
      writeFileSync(file, text)
      await expect(fileFenceStore(file).raise(fence(1n))).rejects.toMatchObject({ code: 'DATA_CORRUPT' })
    }
  })

  it('stores marks of many requests at once, one after the other', async () => {
    const store = fileFenceStore(file)
    const results = await Promise.allSettled([3n, 1n, 2n, 5n, 4n].map((token) => store.raise(fence(token))))
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ marks: { billing: { token: '5' } } })
    expect(results[3]?.status).toBe('fulfilled')
  })

  it.each([
    ['no token', {}, 428],
    ['no number', { ...fenceHeaders(fence(1n)), 'mandate-token': 'one' }, 400],
    ['zero', { ...fenceHeaders(fence(1n)), 'mandate-token': '0' }, 400],
    ['a broken scope', { ...fenceHeaders(fence(1n)), 'mandate-token-scope': '%' }, 400],
  ])('refuses a request with %s', async (_, headers, status) => {
    const guard = httpGuard({ store: fileFenceStore(file) })
    const answer = await guard.check(new Request('http://service/', { headers }))
    expect(answer?.status).toBe(status)
  })

  it('stands before a server of node:http, with names that no header could carry', async () => {
    const guard = httpGuard({ store: fileFenceStore(file) })
    const seen: Fence[] = []
    const server = createServer((request, response) => {
      void guard.node(request, response).then((entered) => {
        if (entered === undefined) return
        seen.push(entered)
        response.end('done')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const send = (from: Fence) => fetch(url, { method: 'POST', headers: fenceHeaders(from) })
    try {
      const named = { election: 'bürö/éins', scope: 'ü' }
      expect((await send(fence(2n, named))).status).toBe(200)
      expect((await send(fence(1n, named))).status).toBe(412)
      expect((await send(fence(3n, named))).status).toBe(200)
      expect(seen).toEqual([fence(2n, named), fence(3n, named)])
      expect((await fetch(url)).status).toBe(428)
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

describe('the HTTP guard of one election', () => {
  it('refuses the leader of another, and forgets that it asked', async () => {
    const guard = httpGuard({ store: fileFenceStore(file), election: 'billing' })
    expect(await statusOf(guard.around(requestOf(fence(9n, { election: 'reports' })), done))).toBe(403)
    expect(await statusOf(guard.around(requestOf(fence(1n)), done))).toBe(200)
    expect(readFileSync(file, 'utf8')).not.toContain('reports')
  })
})

describe('a fence', () => {
  it('comes from the variables that run gives its command', () => {
    const environment = { MANDATE_ELECTION: 'billing', MANDATE_TOKEN: '12', MANDATE_TOKEN_SCOPE: 's' }
    expect(fenceFromEnvironment(environment)).toEqual(fence(12n))
    expect(() => fenceFromEnvironment({})).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  })
})
