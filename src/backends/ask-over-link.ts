/** An operator's part on a link to an embedded cluster: asks through any peer, again and again, until it is answered. */
import type { OperatorAnswer, OperatorAsks, OperatorRequest, OperatorTold } from '../cluster/operator-desk.ts'
import type { ConnectSponsor, SponsorLink } from '../cluster/sponsor-link.ts'
import type { Clock } from '../seams/clock.ts'
import type { Cancellable } from './backend.ts'
import { settledOrAborted } from './settled.ts'

export interface AskingLink extends Cancellable {
  readonly clock: Clock
  /** Between two of the same request, in ms. */
  readonly everyMs: number
}

const idBytesMax = 128

/** Of the peer that a client speaks through, after which it tries another: cut off, it takes requests all the same. */
const patience = 4

/** @throws CANCELLED, and CLOSED when the peer of this process stopped */
export async function askOverLink<From, To extends { readonly type: string }>(
  connect: ConnectSponsor<From | OperatorAsks, To | OperatorTold>,
  request: OperatorRequest,
  { clock, everyMs, signal }: AskingLink,
): Promise<OperatorAnswer> {
  // Nobody with so long an id can stand, and no peer would take the request.
  if (request.to !== null && Buffer.byteLength(request.to) > idBytesMax) return 'no-such-candidate'
  const asks: OperatorAsks = { type: 'operator-asks', id: 1, request }
  let timer: { cancel(): void } | null = null
  let unanswered = 0
  let settle!: {
    readonly resolve: (answer: OperatorAnswer) => void
    readonly reject: (error: unknown) => void
  }
  const answer = new Promise<OperatorAnswer>((resolve, reject) => (settle = { resolve, reject }))
  const link: SponsorLink<From | OperatorAsks> = connect({
    up: () => send(),
    down: () => timer?.cancel(),
    gone: (error) => settle.reject(error),
    message: (message) => {
      if (isAnswer(message)) settle.resolve(message.answer)
    },
  })
  const send = (): void => {
    timer?.cancel()
    timer = clock.setTimer(everyMs, send)
    unanswered += 1
    if (unanswered % patience === 0)
      link.change('the holder of the election does not answer through this peer')
    else link.send(asks)
  }
  try {
    return await settledOrAborted(answer, signal)
  } finally {
    ;(timer as { cancel(): void } | null)?.cancel()
    link.close()
  }
}

function isAnswer(message: { readonly type: string }): message is OperatorTold {
  return message.type === 'operator-told'
}
