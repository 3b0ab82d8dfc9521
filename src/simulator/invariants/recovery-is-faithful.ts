/**
 * A start reads from its disk all that was durable, and of what was on its way a part that is whole, in order (S8, S16).
 * A folder that was damaged may be refused; one that was not, never. An older copy put in the folder's place is the one
 * thing that a start cannot see: then the other peers have to turn it away.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'
import { diskEvents, Disks, foldedFrom, type Folder } from './models/disks.ts'

export const recoveryIsFaithful: Invariant = {
  name: 'recovery-is-faithful',
  claim: 'A start finds all that was durable and nothing torn; only a damaged folder is refused (S8, S16).',
  types: [...diskEvents, 'fault', 'refused'],
  check: () => new RecoveryIsFaithful(),
}

class RecoveryIsFaithful implements Checker {
  evaluations = 0
  /** Its own, because it compares before it believes. */
  readonly #disks = new Disks()
  /** Processes whose folder is an older copy, until they have started on it. */
  readonly #replaced = new Set<string>()
  readonly #damaged = new Set<string>()

  observe(event: HistoryEvent): void {
    const { process, run, at } = event
    if (event.type === 'fault') {
      if (event.fault === 'older folder restored') this.#replaced.add(process)
      if (event.fault === 'bit flipped') this.#damaged.add(process)
    }
    if (event.type === 'refused' && event.code === 'DATA_CORRUPT') {
      this.evaluations += 1
      ensure(this.#damaged.has(process), () => {
        return `${process} (run ${run}) refuses its folder at ${at}, to which nothing was done`
      })
    }
    if (event.type === 'recovered' && !this.#replaced.delete(process)) this.#compare(event)
    this.#disks.observe(event)
  }

  #compare({ process, run, at, records }: Extract<HistoryEvent, { type: 'recovered' }>): void {
    this.evaluations += 1
    const { durable, pending } = this.#disks.of(process)
    const found = foldedFrom(records)
    let objection = difference(durable, found)
    // The durable folder is not needed any more: it becomes, step by step, what else may be found.
    for (const batch of pending) {
      if (objection === null) return
      for (const record of batch.records) durable.write(record)
      objection = difference(durable, found) === null ? null : objection
    }
    ensure(objection === null, () => `${process} (run ${run}) starts at ${at}: ${objection}`)
  }
}

/** What is not as it must be, or null. */
function difference(kept: Folder, found: Folder): string | null {
  if (found.term !== kept.term || found.votedFor !== kept.votedFor) {
    const told = `a vote for ${kept.votedFor} in term ${kept.term}`
    return `it had ${told} on its disk, and finds one for ${found.votedFor} in ${found.term}`
  }
  if (found.terms.length !== kept.terms.length) {
    return `it had ${kept.terms.length} entries on its disk, and finds ${found.terms.length}`
  }
  const place = found.terms.findIndex((term, index) => term !== kept.terms[index])
  if (place >= 0) {
    return `its entry ${place + 1} was of term ${kept.terms[place]}, and is of term ${found.terms[place]}`
  }
  const [wrote, reads] = [kept.engine, found.engine].map((records) =>
    records.map((one) => JSON.stringify(one)),
  )
  if (String(wrote) !== String(reads))
    return `its engine had ${wrote?.length} records on its disk (…${wrote?.at(-1)}), and finds ${reads?.length} (…${reads?.at(-1)})`
  const [had, has] = [withdrawalsOf(kept), withdrawalsOf(found)]
  return had === has ? null : `it had withdrawn ${had || 'nothing'}, and finds ${has || 'nothing'}`
}

function withdrawalsOf({ withdrawals }: Folder): string {
  const all = [...withdrawals].flatMap(([session, epochs]) => epochs.map((epoch) => `${session} ${epoch}`))
  return all.toSorted().join(', ')
}
