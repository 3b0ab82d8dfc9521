import { MandateError } from '../errors.ts'

/** Thrown at whoever uses a peer that stopped by itself. */
export function stoppedError(failure: unknown): MandateError {
  return new MandateError(
    'CLOSED',
    'This peer stopped by itself; `cause` tells why. Mend that (a full or broken disk, most likely), then start it again.',
    { what: 'peer' },
    { cause: failure },
  )
}
