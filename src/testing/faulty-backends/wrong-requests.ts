import { askOf, candidacyWith, eventsWith, faulty } from './afflict.ts'
import type { FaultyBackend } from './afflict.ts'
import type { Backend, Candidacy, CandidacyEvents } from '../../backends/backend.ts'

/** Requests of operators that end what nobody asked to end, or nothing at all. */
export const wrongRequests: readonly FaultyBackend[] = [
  faulty(
    'a request of an operator that takes the election away',
    'an operator who deletes the key: the old leader believes for as long as nobody tells it',
    'a leader that an operator asks to give up is told, and leads on until it leaves by itself',
    () => {
      const held = new Map<string, { readonly candidacy: Candidacy; readonly on: CandidacyEvents }>()
      return {
        enter: ({ inner }, request, on) => {
          const seen = eventsWith(on, {
            won: (grant) => {
              on.won(grant)
              held.set(request.election, { candidacy, on })
            },
          })
          const candidacy = inner.enter(request, seen)
          return candidacy
        },
        ask: async (_inner, { election }) => {
          await held.get(election)?.candidacy.leave({})
          return 'told'
        },
      }
    },
  ),
  faulty(
    'a request of an operator that is answered and forgotten',
    'DESIGN §3: an answer says what was done',
    [
      'a leader that an operator asks to give up is told, and leads on until it leaves by itself',
      'a request that names an earlier leadership is answered over, and asks nobody',
      'a request that reaches nobody ends with its signal',
    ],
    () => ({ ask: () => Promise.resolve('told') }),
  ),
  faulty(
    'a request of an operator that asks whoever leads when it arrives',
    'a late request ends a younger leadership: the token is what it means',
    'a request that names an earlier leadership is answered over, and asks nobody',
    () => {
      let newest = 0n
      return {
        enter: ({ inner }, request, on) =>
          inner.enter(
            request,
            eventsWith(on, {
              won: (grant) => {
                newest = grant.token
                on.won(grant)
              },
            }),
          ),
        ask: (inner, request, o) => askOf(inner, { ...request, token: newest }, o),
      }
    },
  ),
  faulty(
    'a request to hand over that forgets to whom',
    'DESIGN §3: a directed transfer names its successor',
    [
      'a request to hand over names a candidate that waits',
      'a request to hand over to somebody who does not stand is refused, and the leader hears nothing',
    ],
    () => ({ ask: (inner, request, o) => askOf(inner, { ...request, to: null }, o) }),
  ),
  faulty(
    'a request of an operator that reaches only the process that is asked',
    'a request through another peer than the leader is attached to is lost',
    'a request is heard by the session that leads, through whichever process it is asked',
    () => {
      const asked = new Set<Backend>()
      return {
        made: (inner) => void asked.add(inner),
        ask: (inner, request, o) => {
          const [first] = asked
          return inner === first ? askOf(inner, request, o) : new Promise(() => undefined)
        },
      }
    },
  ),
  faulty(
    'a request of an operator that is not repeated',
    'DESIGN §3: every wait settles',
    'a request whose answer was lost is answered in the end',
    () => {
      const armed = new Set<Backend>()
      return {
        world: (inner) => ({
          loseNextReply: (backend) => {
            armed.add(backend)
            return inner.loseNextReply?.(backend)
          },
        }),
        ask: (inner, request, o) =>
          armed.size > 0 ? new Promise(() => undefined) : askOf(inner, request, o),
      }
    },
  ),
  faulty(
    'a leader that is told to stop only after somebody else leads',
    'mandate run: the command of the one must be dead before that of the next starts',
    [
      'asked to give up, lead() drains its work before anybody follows, and stands again behind the others',
      'asked to hand over, a leadership ends at once as transferred, or its owner does it when it is ready',
    ],
    () => ({
      enter: ({ inner }, request, on) => {
        const candidacy = inner.enter(
          request,
          eventsWith(on, {
            asked: () => {
              void candidacy.leave({}).then(() => on.ended({ reason: 'revoked' }))
            },
          }),
        )
        return candidacyWith(candidacy, {})
      },
    }),
  ),
]
