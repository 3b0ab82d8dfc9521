import { apply, createRegistry, type Registry } from '../../registry/registry.ts'
import type { Command, Exclusivity, RegistryEvent, SessionRequest } from '../../registry/types.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

/**
 * What a leader writes that decided on old news, and what a sponsor repeats: grants of what is held, batches that are
 * in the log already, expiries of an epoch that is over. The leaders of today write none of it; the log's safety must
 * not depend on that.
 */
export const registryJudgesAgain: Schedule = {
  name: 'registry-judges-again',
  claim: 'The state machine checks every command again: vacancy, queue, number, epoch, token (DESIGN §4.2)',
  run() {
    grantsOnlyWhatIsVacant()
    grantsOnlyToWhoWaits()
    appliesEachBatchOnce()
    expiresOnlyTheEpoch()
    suspectsOnlyTokenMode()
    releasesOnlyWhatIsNamed()
    givesBackWhatWasCancelled()
    neverGivesATokenTwice()
    lastsNoLongerThanItsSuccessor()
  },
}

class Log {
  readonly registry: Registry = createRegistry({ tokenBase: 0n })
  #index = 0

  write(command: Command): RegistryEvent[] {
    this.#index += 1
    return apply(this.registry, this.#index, command)
  }

  open(session: string, id = session): void {
    this.write({ type: 'open', session, id, leaseMs: 1_000, host: null })
  }

  batch(session: string, number: number, ...requests: SessionRequest[]): RegistryEvent[] {
    return this.write({ type: 'batch', session, number, requests })
  }

  campaigns(session: string, number: number, election = 'e', exclusivity: Exclusivity = 'time'): void {
    this.batch(session, number, { type: 'campaign', election, exclusivity, priority: 0, metadata: {} })
  }

  grant(session: string, election = 'e'): void {
    this.write({ type: 'grant', grants: [{ election, session }] })
  }

  holder(election = 'e'): string | null {
    return this.registry.elections.get(election)?.holder?.session ?? null
  }

  token(election = 'e'): bigint {
    return this.registry.elections.get(election)?.holder?.token ?? 0n
  }
}

function rivals(): Log {
  const log = new Log()
  log.open('s')
  log.open('t')
  log.campaigns('s', 1)
  log.campaigns('t', 1)
  return log
}

function grantsOnlyWhatIsVacant(): void {
  const log = rivals()
  log.grant('s')
  log.grant('t')
  expectEqual(log.holder(), 's', 'the holder after a grant of what is held')
}

function grantsOnlyToWhoWaits(): void {
  const log = rivals()
  log.batch('s', 2, { type: 'leave', election: 'e' })
  log.grant('s')
  expectEqual(log.holder(), null, 'the holder after a grant to who has left')
}

function appliesEachBatchOnce(): void {
  const log = rivals()
  log.batch('s', 2, { type: 'leave', election: 'e' })
  // The first batch again, by a sponsor that did not see its answer; then the second one again.
  log.campaigns('s', 1)
  expectEqual(
    [...(log.registry.elections.get('e')?.queue.keys() ?? [])],
    ['t'],
    'the queue after an older batch',
  )
  log.grant('t')
  const token = log.token()
  const requests: SessionRequest[] = [
    { type: 'release', election: 'e', token },
    { type: 'campaign', election: 'e', exclusivity: 'time', priority: 0, metadata: {} },
  ]
  log.batch('t', 2, ...requests)
  log.grant('t')
  const answers = log.batch('t', 2, ...requests)
  expectEqual(
    answers.map((event) => (event.type === 'batch-applied' ? event.results[0]?.is : event.type)),
    ['done'],
    'the answer to the same batch again',
  )
  expectEqual(log.holder(), 't', 'the holder after the same batch again')
}

function expiresOnlyTheEpoch(): void {
  const log = rivals()
  log.grant('s')
  log.write({ type: 'reopen', session: 's', epoch: 1 })
  log.write({ type: 'expire', session: 's', epoch: 1 })
  expectEqual(log.holder(), 's', 'the holder after the expiry of an epoch that is over')
  const epochs = ['s', 't'].map((key) => log.registry.sessions.get(key)?.epoch)
  expectEqual(epochs, [2, 2], 'epochs: the index of the opening, and one more for each reopening')
}

function suspectsOnlyTokenMode(): void {
  const log = rivals()
  log.campaigns('s', 2, 'by token', 'token')
  log.grant('s')
  log.grant('s', 'by token')
  log.write({ type: 'suspect', session: 's', epoch: 1 })
  expectEqual([log.holder(), log.holder('by token')], ['s', null], 'holders of both modes after a suspicion')
}

function releasesOnlyWhatIsNamed(): void {
  const log = rivals()
  log.grant('s')
  const token = log.token()
  log.batch('s', 2, { type: 'release', election: 'e', token })
  log.grant('t')
  log.batch('s', 3, { type: 'release', election: 'e', token })
  expectEqual(log.holder(), 't', 'the holder after the release of an earlier grant')
}

function givesBackWhatWasCancelled(): void {
  const log = rivals()
  log.grant('s')
  log.batch('s', 2, { type: 'leave', election: 'e' })
  expectEqual(log.holder(), null, 'the holder after the cancellation that its grant overtook')
}

function neverGivesATokenTwice(): void {
  const log = rivals()
  log.grant('t')
  const first = log.token()
  log.batch('t', 2, { type: 'release', election: 'e', token: first })
  log.grant('s')
  const second = log.token()
  expect(second > first, `the token ${second} follows ${first}`)
  log.batch('s', 2, { type: 'release', election: 'e', token: second })
  log.campaigns('t', 3)
  log.grant('t')
  expect(log.token() > second, `the token ${log.token()} of a candidate that wins again follows ${second}`)
}

function lastsNoLongerThanItsSuccessor(): void {
  const log = rivals()
  log.open('s again', 's')
  log.grant('s')
  expectEqual(log.holder(), null, 'the holder after a grant to a session that was superseded')
}
