/** Which voters withdrew which epochs, durably: this is never taken back. */
import type { HistoryEvent } from '../../history.ts'
import { disksOf, type Disks } from './disks.ts'
import { isMajority } from './majority.ts'
import { Model, shared } from './shared.ts'

export class Withdrawals extends Model {
  /** What a majority withdrew with the present event. */
  fresh: { readonly session: string; readonly epoch: number }[] = []
  readonly #disks: Disks
  readonly #voters: ReadonlySet<string>
  readonly #withdrew = new Map<string, Set<string>>()

  constructor(disks: Disks, voters: readonly string[]) {
    super()
    this.#disks = disks
    this.#voters = new Set(voters)
  }

  by(session: string, epoch: number): ReadonlySet<string> {
    return this.#withdrew.get(`${session} ${epoch}`) ?? new Set()
  }

  hasMajority(session: string, epoch: number): boolean {
    return isMajority(this.by(session, epoch).size, this.#voters.size)
  }

  protected override take(event: HistoryEvent): void {
    this.#disks.observe(event)
    if (this.fresh.length > 0) this.fresh = []
    if (event.type === 'durable') {
      for (const record of this.#disks.fresh) {
        if (record.type === 'withdrawal') this.#note(event.process, record.session, record.epoch)
      }
    }
    if (event.type === 'recovered') {
      for (const [session, epochs] of this.#disks.of(event.process).durable.withdrawals) {
        for (const epoch of epochs) this.#note(event.process, session, epoch)
      }
    }
  }

  #note(voter: string, session: string, epoch: number): void {
    if (!this.#voters.has(voter)) return
    const key = `${session} ${epoch}`
    const by = this.#withdrew.get(key) ?? new Set()
    this.#withdrew.set(key, by)
    const before = by.size
    by.add(voter)
    const of = this.#voters.size
    if (!isMajority(before, of) && isMajority(by.size, of)) this.fresh.push({ session, epoch })
  }
}

export const withdrawalsOf = shared((context) => new Withdrawals(disksOf(context), context.voters))
