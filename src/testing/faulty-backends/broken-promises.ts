import type { Backend } from '../../backends/backend.ts'
import { candidacyWith, eventsWith, faulty } from './afflict.ts'
import type { FaultyBackend } from './afflict.ts'

const never = (): Promise<never> => new Promise(() => undefined)

/** Requests that are forgotten, half done, or never answered. */
export const brokenPromises: readonly FaultyBackend[] = [
  faulty(
    'a cancelled campaign that wins later',
    "Jepsen's etcd client revokes its lease after a time-out, because the request may still win",
    'a campaign cancelled in the turn in which it began never wins later, and blocks nobody',
    () => ({
      enter: ({ inner }, request, on) => {
        let won = false
        const candidacy = inner.enter(
          request,
          eventsWith(on, {
            won: (grant) => {
              won = true
              on.won(grant)
            },
          }),
        )
        return candidacyWith(candidacy, { leave: async (o) => (won ? candidacy.leave(o) : 'left') })
      },
    }),
  ),
  faulty(
    'a cancelled campaign whose grant nobody gives back',
    'DESIGN §7 S10: a ghost holds the election although nobody is told',
    'a cancellation that crosses its own win leaves no leader behind',
    () => ({
      enter: ({ inner }, request, on) => {
        let won = false
        let silent = false
        const unless = (run: () => void): void => (silent ? undefined : run())
        const candidacy = inner.enter(request, {
          waiting: (ahead) => unless(() => on.waiting(ahead)),
          won: (grant) => {
            won = true
            unless(() => on.won(grant))
          },
          renewed: (renewal) => unless(() => on.renewed(renewal)),
          ended: (end) => unless(() => on.ended(end)),
        })
        return candidacyWith(candidacy, {
          leave: async (o) => {
            if (won) return candidacy.leave(o)
            silent = true
            return 'left'
          },
        })
      },
    }),
  ),
  faulty(
    'a resignation that hangs when it races the loss',
    'node-redlock#309: the wait went on after the abort',
    'a resignation that races the expiry of its lease settles, and the next leads',
    () => ({
      enter: ({ inner }, request, on) => {
        let ended = false
        const candidacy = inner.enter(
          request,
          eventsWith(on, {
            ended: (end) => {
              ended = true
              on.ended(end)
            },
          }),
        )
        return candidacyWith(candidacy, {
          leave: async (o) => {
            const answer = await candidacy.leave(o)
            return ended || answer !== 'left' ? never() : answer
          },
        })
      },
    }),
  ),
  faulty(
    'a resignation that leaves the rest to the expiry',
    'many lease recipes: release only stops the renewal',
    'after a resignation the next wins without waiting for any lease',
    ({ leaseMs = 1000 }) => ({
      enter: ({ inner, env }, request, on) => {
        let won = false
        let silent = false
        const candidacy = inner.enter(
          request,
          eventsWith(on, {
            won: (grant) => {
              won = true
              on.won(grant)
            },
            renewed: (renewal) => (silent ? undefined : on.renewed(renewal)),
            ended: (end) => (silent ? undefined : on.ended(end)),
          }),
        )
        return candidacyWith(candidacy, {
          leave: async (o) => {
            if (!won) return candidacy.leave(o)
            silent = true
            env.clock.setTimer(20 * leaseMs, () => void candidacy.leave({}))
            return 'left'
          },
        })
      },
    }),
  ),
  faulty(
    'a session that closes without a release',
    'Cilium#42920: what was held outlived its holder',
    'closing a backend that leads frees the election without waiting for any lease',
    () => ({
      leaveShare: () => Promise.resolve(),
      backendClose: () => Promise.resolve(),
    }),
  ),
  faulty(
    'a timer that outlives its session',
    'DESIGN §3: close leaves no timer and no socket',
    'closing while leading, waiting and observing leaves no timer and no socket',
    () => ({
      enter: ({ inner, env }, request, on) => {
        const beat = (): void => void env.clock.setTimer(100, beat)
        beat()
        return inner.enter(request, on)
      },
    }),
  ),
  faulty(
    'a closing that hangs while nothing reaches the arbiter',
    'DESIGN §3: close settles in any case',
    'closing while nothing reaches the arbiter settles, and leaves no timer and no socket',
    () => {
      const cut = new Set<unknown>()
      return {
        world: (inner) => ({
          cut: async (backend) => {
            await inner.cut?.(backend)
            cut.add(backend)
          },
        }),
        backendClose: (inner, outer) => (cut.has(outer) ? never() : inner.close()),
      }
    },
  ),
  faulty(
    'no takeover after a crash',
    '@codedependant/kubernetes-leader-election 1.0.1: no acquisition in 134 s after the expiry',
    'after a crash the election goes to a candidate that waits',
    () => {
      let crashed = false
      return {
        world: (inner) => ({
          crash: async (backend) => {
            crashed = true
            await inner.crash?.(backend)
          },
        }),
        enter: ({ inner }, request, on) =>
          inner.enter(
            request,
            eventsWith(on, {
              won: (grant) => (crashed ? undefined : on.won(grant)),
              renewed: (renewal) => (crashed ? undefined : on.renewed(renewal)),
            }),
          ),
      }
    },
  ),
  faulty(
    'a lost reply answered by a second campaign',
    'DESIGN §2: a reply that was lost is looked up, not asked for again',
    'a campaign behind a leader whose answer was lost waits once, and leads in its turn',
    () => {
      const armed = new Set<unknown>()
      return {
        world: (inner) => ({
          loseNextReply: async (backend) => {
            armed.add(backend)
            await inner.loseNextReply?.(backend)
          },
        }),
        enter: ({ inner, backend, outer, request: { candidateId } }, request, on) => {
          if (!armed.delete(outer)) return inner.enter(request, on)
          const deaf = eventsWith(on, { waiting: ignore, won: ignore, renewed: ignore, ended: ignore })
          void backend
            .share({ candidateId: `${candidateId}-again` }, {})
            .then(({ session }) => session.enter(request, deaf))
          return inner.enter(request, on)
        },
      }
    },
  ),
  faulty(
    'a proclamation that is answered and not made',
    'DESIGN §3: done means that observers will see it',
    'what a leader proclaims is seen by observers, under the same token',
    () => ({
      enter: ({ inner }, request, on) =>
        candidacyWith(inner.enter(request, on), { proclaim: () => Promise.resolve('done') }),
    }),
  ),
  faulty(
    'a transfer that goes to whoever is next',
    'DESIGN §3: a directed transfer names its successor',
    'a directed transfer makes the named candidate the next leader, whoever came first',
    () => ({
      enter: ({ inner }, request, on) => {
        const candidacy = inner.enter(request, on)
        return candidacyWith(candidacy, {
          transfer: async (_to, o) => {
            on.ended({ reason: 'transferred' })
            await candidacy.leave(o)
            return 'done'
          },
        })
      },
    }),
  ),
  faulty(
    'a transfer that answers done and moves nobody',
    'DESIGN §3: to somebody who does not stand it is refused',
    'a transfer to somebody who does not stand is refused, and the leader stays',
    () => ({
      enter: ({ inner }, request, on) =>
        candidacyWith(inner.enter(request, on), { transfer: () => Promise.resolve('done') }),
    }),
  ),
  faulty(
    'an opening that is never answered when its reply was lost',
    'DESIGN §3: every wait settles',
    'opening a session settles when its answer was lost, and does not shut out its own id for ever',
    () => {
      const armed = new Set<Backend>()
      return {
        world: (inner) => ({
          loseNextReply: (backend) => {
            armed.add(backend)
            return inner.loseNextReply?.(backend)
          },
        }),
        share: (inner, request, o) => (armed.size > 0 ? never() : inner.share(request, o)),
      }
    },
  ),
  faulty(
    'a session that ends with the first share that leaves',
    'one close for all who share a connection',
    'two shares of one session: the first to leave does not end it, the last does',
    () => ({
      leaveShare: async ({ inner }, leave) => {
        await inner.close({})
        await leave()
      },
    }),
  ),
  faulty(
    'a signal that nobody looks at while a session opens',
    'DESIGN §2: every wait takes a signal',
    [
      'opening a session with an aborted signal is refused with CANCELLED, and takes no id',
      'opening a session that is given up half-way takes no id',
    ],
    () => ({ share: (inner, request) => inner.share(request, {}) }),
  ),
  faulty(
    'work in the constructor',
    'DESIGN §2: no work in a constructor',
    'a backend that was made but not used keeps nothing open',
    () => ({ made: ({ env }) => void env.clock.setTimer(60_000, ignore) }),
  ),
]

function ignore(): void {}
