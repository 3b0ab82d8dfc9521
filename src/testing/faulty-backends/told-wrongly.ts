import type { BackendEnv, Renewal, Session } from '../../backends/backend.ts'
import { candidacyWith, eventsWith, faulty } from './afflict.ts'
import type { Fault, FaultyBackend } from './afflict.ts'

/** Sessions that tell their renewals as a whole (`onRenewed`), each replaced by what `tell` makes of it. */
function toldTogether(tell: (renewal: Renewal, env: BackendEnv) => readonly Renewal[]): Fault {
  const listeners = new Map<Session, (renewal: Renewal) => void>()
  return {
    onRenewed: ({ inner }, told) => void listeners.set(inner, told),
    enter: ({ inner, env }, request, on) =>
      inner.enter(
        request,
        eventsWith(on, {
          renewed: (renewal) => {
            for (const each of tell(renewal, env)) listeners.get(inner)?.(each)
          },
        }),
      ),
  }
}

/** Candidates that are told the wrong thing, or at the wrong time. */
export const toldWrongly: readonly FaultyBackend[] = [
  faulty(
    'a lease counted from the answer',
    'node-redlock#299 and #283: the extension was computed from the wrong start',
    'the lease of a grant counts from before the request was sent, not from the answer',
    () => ({
      enter: ({ inner, env }, request, on) => {
        const fresh = (renewal: Renewal): Renewal => ({ ...renewal, sentAt: env.clock.upper() })
        return inner.enter(
          request,
          eventsWith(on, {
            won: ({ token, renewal }) => on.won({ token, renewal: fresh(renewal) }),
            renewed: (renewal) => on.renewed(fresh(renewal)),
          }),
        )
      },
    }),
  ),
  faulty(
    'a renewal counted from its answer',
    'node-redlock#299, for the extension alone',
    'the lease of a grant counts from before the request was sent, not from the answer',
    () => ({
      enter: ({ inner, env }, request, on) =>
        inner.enter(
          request,
          eventsWith(on, { renewed: (renewal) => on.renewed({ ...renewal, sentAt: env.clock.upper() }) }),
        ),
    }),
  ),
  faulty(
    'a renewal of the whole session counted from its answer',
    'node-redlock#299, for a session that carries many elections',
    'the lease of a grant counts from before the request was sent, not from the answer',
    () => toldTogether((renewal, env) => [{ ...renewal, sentAt: env.clock.upper() }]),
  ),
  faulty(
    'renewals of a session that are kept from its elections',
    'backend.ts: onRenewed, once called, replaces renewed',
    'a leader that keeps in touch keeps its leadership far beyond one lease',
    () => toldTogether(() => []),
  ),
  faulty(
    'a late reply that takes the deadline of a whole session back',
    'cockroach#123189, for a session that carries many elections',
    'a leader that keeps in touch keeps its leadership far beyond one lease',
    () => {
      let earlier: Renewal | undefined
      return toldTogether((renewal) => {
        const told = earlier === undefined ? [renewal] : [renewal, earlier]
        earlier = renewal
        return told
      })
    },
  ),
  faulty(
    'an event from inside enter',
    'n8n#8401: the event went out before the state had changed',
    'of five candidates exactly one leads and the others wait',
    () => ({
      enter: ({ inner }, request, on) => {
        on.waiting(undefined)
        return inner.enter(request, on)
      },
    }),
  ),
  faulty(
    'a win told a second time',
    'n8n#29589: overlapping checks, each of which found that it leads',
    'a leader that keeps in touch keeps its leadership far beyond one lease',
    () => ({
      enter: ({ inner }, request, on) => {
        let token = 0n
        return inner.enter(
          request,
          eventsWith(on, {
            won: (grant) => {
              token = grant.token
              on.won(grant)
            },
            renewed: (renewal) => on.won({ token, renewal }),
          }),
        )
      },
    }),
  ),
  faulty(
    'an end told twice',
    'DESIGN §3: ended is told exactly once',
    'a leader that comes back after its loss is told the end once, and leads no more',
    () => ({
      enter: ({ inner }, request, on) =>
        inner.enter(
          request,
          eventsWith(on, {
            ended: (end) => {
              on.ended(end)
              on.ended(end)
            },
          }),
        ),
    }),
  ),
  faulty(
    'a loss that is never told',
    'client-go, kubernetes#23731: OnStoppedLeading was not called',
    'a leader that comes back after its loss is told the end once, and leads no more',
    () => ({
      enter: ({ inner }, request, on) =>
        inner.enter(request, eventsWith(on, { ended: (end) => end.reason === 'refused' && on.ended(end) })),
    }),
  ),
  faulty(
    'a late reply that takes the deadline back',
    'cockroach#123189: a reply of an earlier round counted for the present one',
    'a leader that keeps in touch keeps its leadership far beyond one lease',
    () => ({
      enter: ({ inner }, request, on) => {
        let earlier: Renewal | undefined
        return inner.enter(
          request,
          eventsWith(on, {
            won: (grant) => {
              earlier = grant.renewal
              on.won(grant)
            },
            renewed: (renewal) => {
              on.renewed(renewal)
              if (earlier !== undefined) on.renewed(earlier)
              earlier = renewal
            },
          }),
        )
      },
    }),
  ),
  faulty(
    'a waiter told that it won with a session that had expired',
    'etcd#11456, found by Jepsen in etcd 3.4.3',
    'a waiter whose session expired while it waited is never told that it won with that session',
    ({ leaseMs = 1000 }) => ({
      enter: ({ inner, env }, request, on) => {
        let won = false
        return inner.enter(
          request,
          eventsWith(on, {
            won: (grant) => {
              won = true
              on.won(grant)
            },
            ended: (end) => {
              const lost = end.reason === 'session-lost' || end.reason === 'expired'
              if (won || !lost) on.ended(end)
              else on.won({ token: 1n << 60n, renewal: { sentAt: env.clock.upper(), grantedMs: leaseMs } })
            },
          }),
        )
      },
    }),
  ),
  faulty(
    'a session whose loss only its first election learns',
    'DESIGN §3: one liveness tie, many elections',
    'a session that falls silent loses all 200 elections, and another takes them over',
    () => {
      const told = new Set<unknown>()
      return {
        enter: ({ inner }, request, on) =>
          inner.enter(
            request,
            eventsWith(on, {
              ended: (end) => {
                if (end.reason === 'refused' || !told.has(inner)) on.ended(end)
                told.add(inner)
              },
            }),
          ),
      }
    },
  ),
  faulty(
    'events that go on after leave has resolved',
    'DESIGN §7 S11: no event after the end',
    'a leader that resigned does not lead again by itself',
    () => ({
      enter: ({ inner, env }, request, on) => {
        const candidacy = inner.enter(request, on)
        return candidacyWith(candidacy, {
          leave: async (o) => {
            const answer = await candidacy.leave(o)
            env.clock.setTimer(1, () => on.ended({ reason: 'resigned' }))
            return answer
          },
        })
      },
    }),
  ),
  faulty(
    'a waiter that counts itself among those before it',
    'DESIGN §3: how many stand before this candidate',
    'who waits is told how many stand before it, or that nobody knows',
    () => ({
      enter: ({ inner }, request, on) =>
        inner.enter(request, eventsWith(on, { waiting: (ahead) => on.waiting((ahead ?? 0) + 1) })),
    }),
  ),
]
