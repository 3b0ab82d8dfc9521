/** What every message must be, whoever sent it. Judged before anything changes, so that refusing it costs nothing. */
import { MandateError } from '../../errors.ts'
import type { PeerId } from '../quorum/types.ts'
import type { BullyMessage } from './types.ts'

/** @throws PROTOCOL_ERROR: a peer of this version sends no such thing, so the connection is not to be trusted. */
export function checkMessage(from: PeerId, message: BullyMessage): void {
  for (const [what, value] of numbersOf(message)) {
    // Beyond 2^53 two epochs could compare equal: refused, rather than two leaders of "one" epoch.
    if (Number.isSafeInteger(value) && value >= 0) continue
    const reason = `${message.type} of '${from}': its ${what} ${value} is not a safe integer of 0 or more`
    throw new MandateError(
      'PROTOCOL_ERROR',
      `${reason}; close the connection, and run one version on all peers`,
      { reason },
    )
  }
}

function numbersOf(message: BullyMessage): (readonly [string, number])[] {
  switch (message.type) {
    case 'vote':
      return [['epoch', message.ballot.epoch], ['won', message.won], ...factsOf(message)]
    case 'answer':
    case 'vote-reply': {
      const { view } = message
      const held = view.held.map(({ epoch }) => ['held', epoch] as const)
      return [['promised', view.promised], ['won', view.won], ...held, ...factsOf(view)]
    }
    case 'led':
      return [
        ['epoch', message.epoch],
        ['version', message.version],
      ]
    case 'freed':
      return [
        ['epoch', message.freed.epoch],
        ['won', message.won],
      ]
    case 'open':
    case 'reopened':
    case 'withdraw':
      return [['epoch', message.of.epoch]]
    default:
      return []
  }
}

function factsOf({
  withdrawn,
  freed,
}: {
  readonly withdrawn: readonly { readonly epoch: number }[]
  readonly freed: readonly { readonly epoch: number }[]
}): (readonly [string, number])[] {
  return [...withdrawn, ...freed].map(({ epoch }) => ['epoch', epoch] as const)
}
