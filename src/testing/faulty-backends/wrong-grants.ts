import type { Backend, Session } from '../../backends/backend.ts'
import { memoryConformance } from '../memory-conformance.ts'
import { eventsWith, faulty } from './afflict.ts'
import type { FaultyBackend } from './afflict.ts'

/** Leaderships given too early, or to the wrong one. */
export const wrongGrants: readonly FaultyBackend[] = [
  faulty(
    'priorities that count for nothing',
    'DESIGN §3: fair is by priority, then first come',
    'a higher priority leads first among those who wait',
    () => ({ enter: ({ inner }, request, on) => inner.enter({ ...request, priority: 0 }, on) }),
  ),
  faulty(
    'a leader that resigned is the first to know that the place is free',
    'mandate/paxos until it failed half of the trials of `bench:failover -- --only "paxos, resign"`',
    'a leader that resigned, and stands again at once, does not come before those who wait',
    () => {
      let left: Session | undefined
      return {
        enter: ({ inner }, request, on) => {
          const isFirst = left === undefined
          left ??= inner
          const won: typeof on.won = (grant) => {
            if (isFirst || left === inner) on.won(grant)
            else void candidacy.leave({})
          }
          const candidacy = inner.enter(request, eventsWith(on, { won }))
          return candidacy
        },
      }
    },
  ),
  faulty(
    'grants that wait half a lease',
    'hashicorp/consul#9788, etcdctl lock 3.4: two holders for seconds',
    'a leader that is cut off stops being sure before another is told that it leads',
    () => ({}),
    () => memoryConformance({ arbiterRate: 2 }),
  ),
  faulty(
    'grants that forget that clocks drift',
    'client-go tolerates skew between clocks, and says that it does not tolerate skew of their rates',
    'a leader that is cut off stops being sure before another is told that it leads',
    () => ({}),
    () => memoryConformance({ arbiterRate: 1.006 }),
  ),
  faulty(
    'a lease that evidence ends in time mode',
    'DESIGN §4.1 A6: evidence never frees a time-mode election',
    'evidence of death does not shorten a lease in time mode',
    () => {
      const open = new Map<string, { readonly backend: Backend; readonly session: Session }>()
      return {
        share: async (backend, request, o) => {
          const share = await backend.share(request, o)
          open.set(request.candidateId, { backend, session: share.session })
          return share
        },
        world: () => ({
          evidence: (id) => {
            const ticket = open.get(id)?.session.ticket?.()
            const other = [...open].find(([each]) => each !== id)?.[1].backend
            if (ticket !== undefined) void other?.releaseSession?.(ticket, {})
          },
        }),
      }
    },
  ),
  faulty(
    'a leader pushed out by a higher priority',
    'Bully as it was first described: whoever is stronger takes over',
    'a higher priority does not push out a leader',
    () => {
      const leading = new Map<string, { readonly priority: number; stop(): void }>()
      return {
        enter: ({ inner }, request, on) => {
          const { election, priority } = request
          const candidacy = inner.enter(
            request,
            eventsWith(on, {
              won: (grant) => {
                on.won(grant)
                leading.set(election, {
                  priority,
                  stop: () => {
                    on.ended({ reason: 'superseded' })
                    void candidacy.leave({})
                  },
                })
              },
            }),
          )
          const leader = leading.get(election)
          if (leader !== undefined && leader.priority < priority) {
            leading.delete(election)
            queueMicrotask(() => leader.stop())
          }
          return candidacy
        },
      }
    },
  ),
]
