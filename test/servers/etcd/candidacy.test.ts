/** What only happens while requests are on their way, on a slow line to a real server. */
import { afterEach, expect, it } from 'vitest'
import type { Candidacy, CandidacyEvents, Session } from '../../../src/backends/backend.ts'
import { etcd } from '../../../src/backends/etcd.ts'
import { eventually } from '../../integration/loopback.ts'
import { EtcdEnsemble } from '../etcd.ts'
import { FaultProxy } from '../proxy.ts'

const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function slowSession() {
  const servers = await EtcdEnsemble.start({ folder: 'memory' })
  ends.push(() => servers.close())
  const proxy = await FaultProxy.to(servers.addresses[0] ?? '')
  ends.push(() => proxy.close())
  const backend = etcd({ endpoints: [proxy.address], ttlMs: 5000, onBackgroundFailure: () => undefined })
  ends.push(() => backend.close())
  const { session } = await backend.share({ candidateId: 'a' }, {})
  return { servers, proxy, session }
}

function enter(session: Session, election = 'x'): { readonly candidacy: Candidacy; readonly told: string[] } {
  const told: string[] = []
  const on: CandidacyEvents = {
    waiting: () => told.push('waiting'),
    won: ({ token }) => told.push(`won ${token}`),
    renewed: () => undefined,
    ended: ({ reason }) => told.push(`ended: ${reason}`),
  }
  const request = { election, exclusivity: 'time', priority: 0, metadata: {} } as const
  return { candidacy: session.enter(request, on), told }
}

const keysOf = async (servers: EtcdEnsemble): Promise<number> =>
  (await servers.etcdctl('get', '--prefix', 'x/', '--keys-only')).split('\n').filter((line) => line !== '')
    .length

it('who leaves while its request is on its way, and stands again at once, keeps what it then wins', async () => {
  const { servers, proxy, session } = await slowSession()
  proxy.delay(300, 'down')
  const first = enter(session)
  await eventually('the key of the first', async () => ((await keysOf(servers)) === 1 ? true : undefined))
  expect(await first.candidacy.leave({ signal: AbortSignal.abort() })).toBe('unknown')
  const second = enter(session)
  await eventually('the second to win', () => second.told.find((each) => each.startsWith('won')))
  // Behind whatever the first has sent, on the same connection.
  for (const turn of ['1', '2']) expect(await second.candidacy.proclaim({ turn }, {})).toBe('done')
  expect([first.told, second.told]).toEqual([[], [expect.stringMatching(/^won \d+$/)]])
  expect(await keysOf(servers)).toBe(1)
})

it('a request that lands after it was given up holds nothing', async () => {
  const { servers, proxy, session } = await slowSession()
  // Held on its way to the server, and delivered when everybody has forgotten it.
  proxy.blackHole()
  const ghost = enter(session)
  await eventually(
    'the request to be on its way',
    () => proxy.isHolding((piece) => piece.includes('x/')) || undefined,
  )
  expect(await ghost.candidacy.leave({})).toBe('unknown')
  await proxy.heal()
  // Behind it, on the same connection.
  const next = enter(session, 'y')
  await eventually('the next to win', () => next.told.find((each) => each.startsWith('won')))
  expect(await next.candidacy.leave({})).toBe('left')
  await eventually('an election that nobody holds', async () =>
    (await keysOf(servers)) === 0 ? true : undefined,
  )
  expect(ghost.told.filter((each) => each.startsWith('won'))).toEqual([])
})
