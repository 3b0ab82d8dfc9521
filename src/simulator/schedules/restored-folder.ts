import type { LogRecord, PeerRecord } from '../../cluster/messages.ts'
import { startsOf } from '../../cluster/recovery.ts'
import { PeerIdentities } from '../../cluster/tcp-identity.ts'
import { ShownStarts } from '../../cluster/tcp-starts.ts'
import type { ProcessIdentity } from '../../seams/storage.ts'
import { expect, type Schedule } from './schedule.ts'

/**
 * A backup of peer v is put back, and a supervisor starts v again each time it is refused. Its start number passes the one
 * that the others saw; its votes and withdrawals are gone all the same.
 */
export const restoredFolder: Schedule = {
  name: 'restored-folder',
  claim:
    'A restored folder is let in by nobody who saw a later start, however often it is started (DESIGN §4.2)',
  run() {
    const folder = new Folder()
    const remembered: PeerRecord[] = []
    const other = new PeerIdentities([], (record) => remembered.push(record), 100)
    expect(lets(other, folder.start()), 'a peer that nobody knows is refused')
    const backup = folder.copy()
    for (let i = 0; i < 3; i++) expect(lets(other, folder.start()), 'a restart is refused')
    for (let i = 1; i <= 100; i++) {
      const restored = backup.start()
      expect(!lets(other, restored), `a restored folder is let in at its start ${restored.incarnation}`)
      const restarted = new PeerIdentities(remembered, () => undefined, 100)
      expect(!lets(restarted, restored), 'a peer that restarted lets a restored folder in')
    }
    // The folder itself went on while nobody looked, longer than what a handshake shows without being asked.
    for (let i = 1; i <= 100; i++) folder.start()
    expect(lets(other, folder.start()), 'a folder that only went on is refused')
  },
}

/** Whether `v` is let in, if need be when it knows what it is asked for. */
function lets(other: PeerIdentities, identity: ProcessIdentity): boolean {
  const starts = new ShownStarts(identity)
  if (other.admit('v', starts.shownTo('w'), 0, false).is !== 'refused') return true
  starts.asked('w', other.seen('v'))
  return other.admit('v', starts.shownTo('w'), 0, false).is !== 'refused'
}

let runs = 0

class Folder {
  readonly #records: LogRecord[]

  constructor(records: readonly LogRecord[] = []) {
    this.#records = [...records]
  }

  copy(): Folder {
    return new Folder(this.#records)
  }

  start(): ProcessIdentity {
    const earlier = startsOf(this.#records)
    const start = { incarnation: earlier.length + 1, run: `${++runs}` }
    this.#records.push({ type: 'incarnation', ...start })
    return { storageId: 'disk of v', ...start, earlier }
  }
}
