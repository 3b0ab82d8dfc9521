/** What sessions and peers of a classic bully cluster say to each other: as with a quorum, but for what peers tell peers. */
import type { ClassicMessage, ClassicRecord } from '../../../protocols/bully/classic/types.ts'
import type { BullyRequest } from '../words.ts'

/** Epochs in replies are orders of ranks (`advisory-rank.ts`), so that a session need not know its slot. */
export type ClassicRequest = BullyRequest<ClassicMessage>

/** All that one write makes durable. */
export interface ClassicWrite {
  readonly records: readonly ClassicRecord[]
}
