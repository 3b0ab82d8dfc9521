/** What the records of a folder amount to, for an engine that keeps no log. */
import { MandateError } from '../../errors.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Shape } from '../codec-shape.ts'
import type { LogRecord, PeerRecord } from '../messages.ts'
import type { EngineName } from './engine.ts'

/** @throws DATA_CORRUPT for a record that this engine did not write */
export function readRecords<Record>(
  records: readonly LogRecord[],
  engine: EngineName,
  shape: Shape<Record>,
): { readonly peers: readonly PeerRecord[]; readonly records: readonly Record[] } {
  const peers = new Map<PeerId, PeerRecord>()
  const own: Record[] = []
  for (const [offset, record] of records.entries()) {
    if (record.type === 'peer') peers.set(record.peer, record)
    if (record.type !== 'engine') continue
    try {
      if (record.engine !== engine) throw new Error(`it belongs to the engine ${record.engine}`)
      own.push(shape.read({ ...record.record }))
    } catch (cause) {
      const reason = `record ${offset} cannot be read by the engine ${engine}: ${String(cause)}`
      throw new MandateError(
        'DATA_CORRUPT',
        `${reason}. Give each engine a folder of its own.`,
        { file: 'log', offset, reason },
        { cause },
      )
    }
  }
  return { peers: [...peers.values()], records: own }
}
