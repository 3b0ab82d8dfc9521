/**
 * Persist before send, where there is no log: a ballot is promised or accepted only below a ceiling that is on the disk
 * (docs/paxos.md), and a vote, a withdrawal and a reopening are told only once they are written (docs/bully.md).
 */
import type { BullyMessage, BullyRecord } from '../../protocols/bully/types.ts'
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { diskEvents, disksOf, type Disks, type EngineRecord } from './models/disks.ts'

export const toldIsDurable: Invariant = {
  name: 'told-is-durable',
  claim:
    'No promise, vote, withdrawal or reopening is told before a crash could not undo it any more (S8, A4, DESIGN §4.3, §4.4).',
  types: [...diskEvents, 'answers', 'asks'],
  check: (context) => new ToldIsDurable(context),
}

class ToldIsDurable implements Checker {
  evaluations = 0
  readonly #disks: Disks
  /** By process, how many of its durable records were looked at, and what they say. */
  readonly #memories = new Map<string, Memory>()

  constructor(context: CheckContext) {
    this.#disks = disksOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#disks.observe(event)
    if (event.type === 'recovered') this.#memories.delete(event.process)
    if (event.type === 'answers') {
      const { reply } = event
      if (reply.type !== 'promise' && reply.type !== 'accepted') return
      const { ceiling } = this.#memory(event.process)
      this.#ensure(ceiling >= reply.ballot, event, () => {
        return `${reply.type} of ballot ${reply.ballot} of ${reply.instance}; its disk says ${ceiling}`
      })
    }
    if (event.type === 'asks' && event.request.type === 'peer') {
      const line = lineOf(event.request.message)
      if (line !== null) this.#ensure(this.#memory(event.process).lines.has(line), event, () => line)
    }
  }

  #ensure(holds: boolean, { process, run, at }: HistoryEvent, what: () => string): void {
    this.evaluations += 1
    ensure(holds, () => `${process} (run ${run}) tells at ${at} what its disk does not: ${what()}`)
  }

  #memory(process: string): Memory {
    let memory = this.#memories.get(process)
    if (memory === undefined) this.#memories.set(process, (memory = new Memory()))
    memory.read(this.#disks.of(process).durable.engine)
    return memory
  }
}

/** What the records of an engine amount to. */
class Memory {
  ceiling = 0
  readonly lines = new Set<string>()
  #read = 0

  read(records: readonly EngineRecord[]): void {
    for (; this.#read < records.length; this.#read++) {
      const { ceiling = 0, records: written = [] } = records[this.#read] as {
        readonly ceiling?: number
        readonly records?: readonly BullyRecord[]
      }
      this.ceiling = Math.max(this.ceiling, ceiling)
      for (const record of written) this.lines.add(lineOfRecord(record))
    }
  }
}

function lineOfRecord(record: BullyRecord): string {
  if (record.type !== 'vote') return `${record.type} ${record.withdrawal.session} ${record.withdrawal.epoch}`
  const { election, ballot } = record
  return `vote ${election} ${ballot.epoch} ${ballot.stand.of.session}`
}

/** What must be on the disk of whoever says this; null: nothing. */
function lineOf(message: BullyMessage): string | null {
  switch (message.type) {
    case 'vote-reply':
      return message.granted ? `vote ${message.election} ${message.epoch} ${message.session}` : null
    case 'withdraw-answer':
      return `withdrawal ${message.session} ${message.epoch}`
    case 'open-reply':
      return message.is === 'open' && message.epoch > 1
        ? `reopened ${message.session} ${message.epoch}`
        : null
    default:
      return null
  }
}
