import { describe, expect, it } from 'vitest'
import { apply, createRegistry, type Registry } from '../../../registry/registry.ts'
import type { Command, RegistryEvent, SessionRequest } from '../../../registry/types.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import type { HistoryEvent } from '../../history.ts'
import type { CheckContext } from '../invariant.ts'
import { timingPresets } from '../../../lease/timing.ts'
import { entry } from '../testing/log-story.ts'
import { ledgerOf, type LedgerEffect } from './ledger.ts'

const context = (): CheckContext => ({
  timing: timingPresets.default,
  voters: ['a', 'b', 'c'],
  mode: 'safety',
  leaderships: () => [],
})

/** Commands as a hostile leader would write them: any session, any number, any epoch; often enough one that fits. */
function anyCommand(roll: (below: number) => number, registry: Registry, at: number): Command {
  const oneOf = <T>(...list: [T, ...T[]]): T => list[roll(list.length)] ?? list[0]
  const election = oneOf('billing', 'mail')
  const holder = registry.elections.get(election)?.holder ?? null
  const session = holder !== null && roll(2) === 0 ? holder.session : oneOf('s1', 's2', 's3', 's4')
  const epoch = roll(3) > 0 ? (registry.sessions.get(session)?.epoch ?? at) : at - roll(12)
  const token = roll(4) > 0 ? (holder?.token ?? 1n) : BigInt(at)
  switch (roll(12)) {
    case 0:
    case 1:
      return { type: 'open', session, id: oneOf('w', 'x', 'y'), leaseMs: 1000, host: null }
    case 2:
      return { type: 'reopen', session, epoch }
    case 3:
      return { type: oneOf('expire', 'suspect', 'suspect'), session, epoch }
    case 4:
      return roll(3) === 0 ? { type: 'close', session } : { type: 'suspect', session, epoch }
    case 5:
    case 6:
    case 7:
      return { type: 'grant', grants: [{ election, session: oneOf('s1', 's2', 's3', 's4') }] }
    default: {
      const number = (registry.sessions.get(session)?.number ?? 0) + oneOf(1, 1, 1, 0, 2)
      const exclusivity = oneOf('time', 'token', 'token')
      const request = oneOf<SessionRequest>(
        { type: 'campaign', election, exclusivity, priority: 0, metadata: {} },
        { type: 'campaign', election, exclusivity, priority: 0, metadata: { of: session } },
        { type: 'leave', election },
        { type: 'release', election, token },
        { type: 'transfer', election, token, to: oneOf('w', 'x', 'y') },
        { type: 'proclaim', election, token, metadata: { at: `${at}` } },
      )
      return { type: 'batch', session, number, requests: [request] }
    }
  }
}

/** What both tell, in words that both can say. */
const ofRegistry = (event: RegistryEvent): string[] => {
  switch (event.type) {
    case 'session-opened':
    case 'session-reopened':
      return [`open ${event.session} ${event.epoch}`]
    case 'session-superseded':
      return [`superseded ${event.session}`]
    case 'session-closed':
      return [`ended ${event.session} ${event.reason}`]
    case 'granted':
      return [`granted ${event.election} ${event.session} ${event.token}`]
    case 'freed':
      return [`freed ${event.election} ${event.token} ${event.reason}`]
    case 'proclaimed':
      return [`proclaimed ${event.election} ${event.token} ${JSON.stringify(event.metadata)}`]
    default:
      return []
  }
}

const ofLedger = (effect: LedgerEffect): string[] => {
  switch (effect.type) {
    case 'opened':
      return [`open ${effect.session.key} ${effect.epoch}`]
    case 'superseded':
      return [`superseded ${effect.session.key}`]
    case 'ended':
      return [`ended ${effect.session.key} ${effect.reason}`]
    case 'granted':
      return [`granted ${effect.grant.election} ${effect.grant.session} ${effect.grant.token}`]
    case 'freed':
      return [`freed ${effect.grant.election} ${effect.grant.token} ${effect.reason}`]
    case 'proclaimed':
      return [`proclaimed ${effect.grant.election} ${effect.grant.token} ${JSON.stringify(effect.metadata)}`]
    default:
      return []
  }
}

describe('the ledger', () => {
  it('agrees with the registry on logs that no sane leader would write', () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 100; seed++) {
      const registry = createRegistry({ tokenBase: 0n })
      const ledger = ledgerOf(context())
      const random = seededRandom(seed)
      for (let place = 0; place < 300; place++) {
        const command = anyCommand((below) => Math.floor(random.next() * below), registry, place + 1)
        const committed: HistoryEvent = {
          at: 0,
          sequence: place,
          process: 'a',
          run: 1,
          type: 'committed',
          entries: [entry(place + 1, 1, command)],
        }
        ledger.observe(committed)
        const expected = apply(registry, place + 1, command).flatMap(ofRegistry)
        const actual = ledger.fresh.flatMap(ofLedger)
        for (const line of expected)
          seen.add(/^(freed|ended)/.test(line) ? (line.split(' ').at(-1) ?? '') : (line.split(' ')[0] ?? ''))
        expect({ seed, place, command, told: actual.toSorted() }).toEqual({
          seed,
          place,
          command,
          told: expected.toSorted(),
        })
      }
    }
    const everything = [
      'open',
      'superseded',
      'granted',
      'proclaimed',
      'released',
      'transferred',
      'suspected',
      'expired',
      'closed',
    ]
    expect([...seen].toSorted()).toEqual(everything.toSorted())
  })
})
