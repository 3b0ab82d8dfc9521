/** What a session may ask for in a batch. Refusals are results, never exceptions: the log must go on. */
import type { Change } from './queue.ts'
import { aheadOf, dequeue, enqueue, free } from './queue.ts'
import type { SessionKey } from '../protocols/support/types.ts'
import type { ElectionState, Session } from './state.ts'
import type { RequestResult, SessionRequest } from './types.ts'

type Campaign = Extract<SessionRequest, { type: 'campaign' }>
type Transfer = Extract<SessionRequest, { type: 'transfer' | 'check-transfer' }>
type Proclaim = Extract<SessionRequest, { type: 'proclaim' }>

const done: RequestResult = { is: 'done' }
const wasNotHolder: RequestResult = { is: 'was-not-holder' }

export function applyRequest(change: Change, session: Session, request: SessionRequest): RequestResult {
  switch (request.type) {
    case 'campaign':
      return campaign(change, session, request)
    case 'leave':
      return leave(change, session, request.election)
    case 'release': {
      const election = heldWith(change, session, request)
      if (election === null) return wasNotHolder
      free(change, election, session, 'released')
      return done
    }
    case 'check-transfer':
      return targetOf(change, session, request).result
    case 'transfer':
      return transfer(change, session, request)
    case 'proclaim':
      return proclaim(change, session, request)
    case 'turn-away':
      return { is: 'refused', code: request.code, message: request.message }
    default:
      return request satisfies never
  }
}

/**
 * A second campaign for an election that the session waits for or holds changes nothing: the place in the queue, the
 * priority and the metadata stay those of the first. Refusing it would make a repetition differ from its original.
 */
function campaign(change: Change, session: Session, request: Campaign): RequestResult {
  const { registry } = change
  const election = registry.elections.get(request.election)
  if (session.supersededBy !== null) return duplicateId(session)
  if (election !== undefined && election.exclusivity !== request.exclusivity) {
    return otherExclusivity(election, request)
  }
  if (session.holds.has(request.election)) return { is: 'queued', ahead: 0 }
  if (!session.waits.has(request.election)) {
    if (election === undefined && registry.elections.size >= registry.limits.elections) {
      return limitExceeded('elections', registry.limits.elections, 'End some before you start others.')
    }
    if (election !== undefined && election.queue.size >= registry.limits.candidatesPerElection) {
      const advice = 'Let fewer candidates wait for one election.'
      return limitExceeded('candidatesPerElection', registry.limits.candidatesPerElection, advice)
    }
    enqueue(change, session, request.election, request)
  }
  return { is: 'queued', ahead: aheadOf(registry, request.election, session.key) ?? 0 }
}

function leave(change: Change, session: Session, name: string): RequestResult {
  const election = change.registry.elections.get(name)
  if (election === undefined) return wasNotHolder
  if (session.holds.has(name)) {
    // The grant overtook the leave: giving it back at once is what makes a cancelled campaign never win.
    free(change, election, session, 'released')
    return done
  }
  if (!session.waits.has(name)) return wasNotHolder
  dequeue(change, session, name)
  return done
}

function transfer(change: Change, session: Session, request: Transfer): RequestResult {
  const { election, target, result } = targetOf(change, session, request)
  if (election !== null && target !== null) free(change, election, session, 'transferred', target)
  return result
}

/** Who would get the election of a transfer, and what its answer is. */
function targetOf(
  change: Change,
  session: Session,
  request: Transfer,
): { election: ElectionState | null; target: SessionKey | null; result: RequestResult } {
  const election = heldWith(change, session, request)
  if (election === null) return { election, target: null, result: wasNotHolder }
  // Only the newest session of an id can be waiting: a superseded one was taken out of every queue.
  const target = change.registry.newest.get(request.to)
  if (target === undefined || !election.queue.has(target)) {
    return { election, target: null, result: { is: 'no-such-candidate' } }
  }
  return { election, target, result: done }
}

function proclaim(change: Change, session: Session, request: Proclaim): RequestResult {
  const election = heldWith(change, session, request)
  if (election === null || election.holder === null) return wasNotHolder
  const { metadata } = request
  election.holder = { ...election.holder, metadata }
  change.events.push({ type: 'proclaimed', election: election.name, token: request.token, metadata })
  return done
}

/** The election, if this session holds it by exactly this token. */
function heldWith(
  { registry }: Change,
  session: Session,
  claim: { readonly election: string; readonly token: bigint },
): ElectionState | null {
  const election = registry.elections.get(claim.election)
  const grant = election?.holder
  if (election === undefined || grant === null || grant === undefined) return null
  return grant.session === session.key && grant.token === claim.token ? election : null
}

function otherExclusivity(election: ElectionState, request: Campaign): RequestResult {
  const name = JSON.stringify(election.name)
  return {
    is: 'refused',
    code: 'INVALID_OPTIONS',
    message:
      `Election ${name} has exclusivity '${election.exclusivity}', this candidate asked for ` +
      `'${request.exclusivity}'. Give all candidates of one election the same exclusivity.`,
    expected: election.exclusivity,
  }
}

function duplicateId(session: Session): RequestResult {
  return {
    is: 'refused',
    code: 'DUPLICATE_ID',
    message:
      `A newer process uses the candidate id ${JSON.stringify(session.id)}; this session cannot win any more. ` +
      'Give each process an id of its own.',
  }
}

export function limitExceeded(limit: string, max: number, advice: string): RequestResult {
  return {
    is: 'refused',
    code: 'LIMIT_EXCEEDED',
    message: `The cluster's limit of ${max} (${limit}) is reached. ${advice}`,
    expected: limit,
  }
}
