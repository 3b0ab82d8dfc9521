import { MandateError } from '../../errors.ts'

export function onlyPeersStand(id: string): MandateError<'UNSUPPORTED'> {
  return new MandateError(
    'UNSUPPORTED',
    `Candidate ${JSON.stringify(id)} is no peer of the bully cluster, and only peers stand in its elections. ` +
      'Give `self` and `dataDir`, or use raft, where clients stand as well.',
    { feature: 'candidates that are no peers' },
  )
}
