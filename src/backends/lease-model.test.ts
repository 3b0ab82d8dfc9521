/**
 * Random histories of several candidates on one faulty store, in true time: slow, lost and late requests, stalls,
 * suspends, resignations, clocks at both ends of rho. The oracle knows true time; the candidates do not.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holderValidityMs } from '../lease/deadline.ts'
import type { Clock, Instant } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import { between } from '../seams/random.ts'
import { fakeLeaseServer } from '../testing/fake-lease-store.ts'
import type { Fate } from '../testing/fake-lease-store.ts'
import { manualClock } from '../testing/manual-clock.ts'
import type { ManualClock } from '../testing/manual-clock.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { tellingStore } from '../testing/telling-store.ts'
import type { Candidacy, LeaseSeen, LeaseStore, Session } from './backend.ts'
import { leaseSession } from './lease-session.ts'

const RHO = 0.05
const LEASE_MS = 300

/** A rule broken on purpose; the oracle must notice. */
interface Broken {
  /** The violation to look for. @default two leaders at once */
  readonly notice?: RegExp
  /** The holder counts from the answer. */
  readonly deadlineFromAnswer?: true
  /** What everybody believes of the clocks, in place of the truth. */
  readonly believedDrift?: number
  readonly store?: (store: LeaseStore<number>) => LeaseStore<number>
  /** The watch tells what there is, and nobody polls. */
  readonly watch?: 'tells'
}

interface Player {
  readonly id: string
  readonly clock: ManualClock
  /** Undefined between two candidacies. */
  candidacy: Candidacy | undefined
  belief: { readonly sentAt: Instant; readonly grantedMs: number } | undefined
}

interface Verdict {
  readonly violations: readonly string[]
  readonly wins: number
  readonly losses: number
  /** Who leads when all faults have been over for a while. */
  readonly leadersAfterHeal: number
}

function fateOf(random: Random): Fate {
  const quick = { toServerMs: between(random, 0, 5), toClientMs: between(random, 0, 5) }
  const draw = random.next()
  if (draw < 0.6) return quick
  if (draw < 0.75) return { toServerMs: between(random, 0, 120), toClientMs: between(random, 0, 120) }
  if (draw < 0.83) return { lost: 'request' }
  if (draw < 0.92) return { ...quick, lost: 'answer' }
  return { toServerMs: between(random, 100, 1_500), lost: 'answer' }
}

/** Undefined: the watch lost it. */
function newsAfterMs(random: Random): number | undefined {
  const draw = random.next()
  if (draw < 0.1) return undefined
  return draw < 0.8 ? between(random, 0, 8) : between(random, 0, 600)
}

async function play(seed: number, broken: Broken = {}): Promise<Verdict> {
  const random = seededRandom(seed)
  const truth = manualClock()
  const server = fakeLeaseServer(truth)
  server.fate = () => fateOf(random)
  const timing = { leaseMs: LEASE_MS, maxClockDrift: broken.believedDrift ?? RHO, tickMs: 1 }
  const violations: string[] = []
  let lastToken = 0n
  let wins = 0
  let losses = 0

  const isValid = ({ clock, belief }: Player): boolean =>
    belief !== undefined && clock.elapsedMs(belief.sentAt) < holderValidityMs(belief.grantedMs, timing)
  const check = (when: string): void => {
    const leaders = players.filter(isValid)
    if (leaders.length > 1) {
      violations.push(`${leaders.map(({ id }) => id).join(' and ')} lead at once ${when} @${truth.trueMs()}`)
    }
  }

  const players = ['a', 'b', 'c'].map((id, place): Player => {
    // Both ends of rho in every history: the first is slow, the second fast.
    const rate = 1 + (place === 0 ? -RHO : place === 1 ? RHO : between(random, -RHO, RHO))
    return { id, clock: truth.sibling({ rate }), candidacy: undefined, belief: undefined }
  })

  const stand = (player: Player, session: Session): void => {
    if (player.candidacy !== undefined) return
    const believe = (renewal: { sentAt: Instant; grantedMs: number }): void => {
      player.belief = renewal
    }
    player.candidacy = session.enter(
      { election: 'billing', exclusivity: 'time', priority: 0, metadata: {} },
      {
        waiting: () => undefined,
        won: ({ token, renewal }) => {
          wins++
          if (token <= lastToken) violations.push(`token ${token} after ${lastToken}`)
          lastToken = token
          believe(renewal)
          check(`when ${player.id} won`)
        },
        renewed: believe,
        ended: ({ reason }) => {
          losses++
          if (reason === 'refused') violations.push(`${player.id} was refused`)
          player.belief = undefined
          player.candidacy = undefined
          truth.setTimer(between(random, 0, 50), () => stand(player, session))
        },
      },
    )
  }
  const sessions = players.map((player) => {
    const straight =
      broken.watch === 'tells'
        ? tellingStore(server, player.id, { clock: player.clock, afterMs: () => newsAfterMs(random) })
        : server.connect(player.id, { clock: player.clock })
    const { clock, store } = broken.deadlineFromAnswer
      ? countingFromAnswers(player.clock, straight)
      : { clock: player.clock, store: broken.store?.(straight) ?? straight }
    const env = { clock, random, report: () => undefined }
    const pollMs = broken.watch === 'tells' ? 1_000_000 : LEASE_MS / 3
    return leaseSession(store, env, { candidateId: player.id }, { timing, pollMs })
  })
  players.forEach((player, index) => stand(player, sessions[index]!))

  const disturb = async (player: Player, index: number): Promise<void> => {
    const draw = random.next()
    if (draw < 0.3) await player.clock.stallAsync(between(random, 50, 800))
    else if (draw < 0.5) await player.clock.suspendAsync(between(random, 20, 800))
    else if (draw < 0.8 && player.candidacy !== undefined) {
      const { candidacy } = player
      player.candidacy = undefined
      player.belief = undefined
      const abort = new AbortController()
      if (random.next() < 0.3) truth.setTimer(between(random, 0, 200), () => abort.abort())
      void candidacy.leave({ signal: abort.signal }).then(() => stand(player, sessions[index]!))
    }
  }

  while (truth.trueMs() < 6_000) {
    await truth.advanceAsync(between(random, 1, 40))
    check('between two steps')
    const index = Math.floor(random.next() * players.length)
    if (random.next() < 0.15) await disturb(players[index]!, index)
  }
  server.fate = () => ({})
  await truth.advanceAsync(10 * LEASE_MS)
  check('after the heal')
  return { violations, wins, losses, leadersAfterHeal: players.filter(isValid).length }
}

/** Moves the anchor of each write to the instant at which its answer arrives. */
function countingFromAnswers(clock: ManualClock, store: LeaseStore<number>) {
  let anchor = clock.upper()
  const late: Clock = { ...clock, upper: () => (anchor = { ...clock.upper() }) }
  const write: LeaseStore<number>['write'] = async (name, next, expected, o) => {
    const sent = anchor
    const written = await store.write(name, next, expected, o)
    Object.assign(sent, clock.upper())
    return written
  }
  return { clock: late, store: { ...store, write } }
}

describe('candidates on a faulty store', () => {
  it.each<readonly [string, Broken]>([
    ['', {}],
    [', with a watch that tells what there is', { watch: 'tells' }],
  ])(
    'never lead two at once, raise the token each time, and one leads once the faults are over%s',
    async (_, how) => {
      let wins = 0
      let losses = 0
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
          const verdict = await play(seed, how)
          expect(verdict.violations).toEqual([])
          expect(verdict.leadersAfterHeal).toBe(1)
          wins += verdict.wins
          losses += verdict.losses
        }),
        { numRuns: 25 },
      )
      // The histories were worth something.
      expect(wins).toBeGreaterThan(50)
      expect(losses).toBeGreaterThan(10)
    },
  )

  it('repeats a history from its seed', async () => {
    expect(await play(42)).toEqual(await play(42))
  })

  it.each<readonly [string, Broken]>([
    ['the deadline is counted from the answer', { deadlineFromAnswer: true }],
    ['the clocks are worse than believed', { believedDrift: 1e-6 }],
    [
      'a candidate waits for half the lease of another',
      {
        store: (store) => ({
          ...store,
          read: async (name, o) => {
            const found = await store.read(name, o)
            const { record } = found
            return { ...found, record: record && { ...record, leaseMs: record.leaseMs / 2 } }
          },
        }),
      },
    ],
    [
      'a write ignores the version it expects',
      {
        store: (store) => ({
          ...store,
          write: async (name, next, _expect, o) => {
            const { version } = await store.read(name, o)
            return store.write(name, next, version, o)
          },
        }),
      },
    ],
    [
      'a stale release is shown under the current version',
      {
        store: (store) => {
          let earlier: Awaited<ReturnType<typeof store.read>> | undefined
          return {
            ...store,
            read: async (name, o) => {
              const found = await store.read(name, o)
              const shown = { ...(earlier ?? found), version: found.version }
              earlier = found
              return shown.record?.holder === '' ? shown : found
            },
          }
        },
      },
    ],
    [
      'a watch tells of a release that never was',
      {
        watch: 'tells',
        store: (store) => ({
          ...store,
          watch: (name, from, changed, o) => {
            const freed = ({ record, ...seen }: LeaseSeen<number>): LeaseSeen<number> => ({
              ...seen,
              record: record && { ...record, holder: '', incarnation: '' },
            })
            const watch = store.watch ?? (() => Promise.reject(new Error('no watch')))
            return watch(name, from, (seen) => changed(seen && freed(seen)), o)
          },
        }),
      },
    ],
    [
      'the store repeats a token',
      {
        notice: /^token 5 after 5/,
        store: (store) => ({
          ...store,
          write: async (name, next, expected, o) => {
            const written = await store.write(name, next, expected, o)
            return written.is === 'applied' ? { ...written, token: 5n } : written
          },
        }),
      },
    ],
  ])('are caught when %s', async (_name, broken) => {
    const { notice = /lead at once/ } = broken
    let caught = false
    for (let seed = 1; seed <= 60 && !caught; seed++) {
      caught = (await play(seed, broken)).violations.some((violation) => notice.test(violation))
    }
    expect(caught).toBe(true)
  })
})
