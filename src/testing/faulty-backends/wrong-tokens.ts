import { eventsWith, faulty } from './afflict.ts'
import type { Fault, FaultyBackend } from './afflict.ts'

/** Tells other tokens than those that were granted. */
function retold(retell: (token: bigint, election: string, id: string, session: object) => bigint): Fault {
  return {
    enter: ({ inner, request: { candidateId } }, request, on) =>
      inner.enter(
        request,
        eventsWith(on, {
          won: ({ token, renewal }) =>
            on.won({ token: retell(token, request.election, candidateId, inner), renewal }),
        }),
      ),
  }
}

/** Tokens that stand still or go back. */
export const wrongTokens: readonly FaultyBackend[] = [
  faulty(
    'a token that stays when the same id acquires again',
    'client-go: leaseTransitions grows only when the holder changes',
    'a token grows when the same id acquires again',
    () => {
      const held = new Map<string, { readonly id: string; readonly token: bigint }>()
      return retold((token, election, id) => {
        const before = held.get(election)
        const told = before?.id === id ? before.token : token
        held.set(election, { id, token: told })
        return told
      })
    },
  ),
  faulty(
    'a token that a new incarnation inherits',
    'n8n#27126: after a restart the same identity finds its own key',
    'a process that crashed and comes back under its id does not inherit its leadership',
    () => {
      const held = new Map<string, { readonly session: object; readonly token: bigint }>()
      return retold((token, election, id, session) => {
        const key = `${election} ${id}`
        const before = held.get(key)
        const told = before === undefined || before.session === session ? token : before.token
        held.set(key, { session, token: told })
        return told
      })
    },
  ),
  faulty(
    'tokens that start again with the arbiter',
    'Consul: LockIndex starts again with its key; Kubernetes: leaseTransitions with its Lease',
    'a token grows across a restart of the arbiter',
    () => {
      let newest = 0n
      let base = 0n
      const fault = retold((token) => {
        if (token > newest) newest = token
        return token - base
      })
      return {
        ...fault,
        world: (inner) => ({
          restartArbiter: async () => {
            base = newest
            await inner.restartArbiter?.()
          },
        }),
      }
    },
  ),
  faulty(
    'tokens that start again when nobody stands in the election',
    '`consul lock` deletes its key on release',
    'a token grows across a time in which nobody stood in the election',
    () => {
      let standing = 0
      let newest = 0n
      let base = 0n
      const fault = retold((token) => {
        if (token > newest) newest = token
        return token - base
      })
      return {
        ...fault,
        enter: (host, request, on) => {
          standing += 1
          const candidacy = fault.enter?.(host, request, on) ?? host.inner.enter(request, on)
          return {
            leave: async (o) => {
              standing -= 1
              if (standing === 0) base = newest
              return candidacy.leave(o)
            },
            transfer: (to, o) => candidacy.transfer(to, o),
            proclaim: (metadata, o) => candidacy.proclaim(metadata, o),
          }
        },
      }
    },
  ),
  faulty(
    'tokens that begin at zero',
    'a guard that starts at zero would let everybody in',
    'a candidate that stands alone wins, with a token above zero and a scope for it',
    () => retold((token) => token - 1n),
  ),
  faulty(
    'a scope for each session',
    'DESIGN §1: tokens grow over all leaderships within one scope',
    'every session of one arbiter has the same token scope',
    () => ({ scope: ({ inner, request }) => `${inner.scope}-${request.candidateId}` }),
  ),
]
