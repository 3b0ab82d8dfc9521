/**
 * Carries what an operator asks of a leader (`mandate resign`, `mandate transfer`) to the session that holds the
 * election, wherever that is attached, and its answer back. Any peer takes a request; it tells all others, for only the
 * one that the session speaks through knows it. It keeps no promise: who asks repeats until it is answered, and the
 * session compares the token.
 */
import type { PeerId } from '../protocols/quorum/types.ts'
import { decimal, nullable, object, oneOf, text, type Shape } from './codec-shape.ts'

export interface OperatorRequest {
  readonly election: string
  /** Of the leadership that is meant. */
  readonly token: bigint
  /** The candidate that shall lead next; null: whoever is next. */
  readonly to: string | null
}

export type OperatorAnswer = 'told' | 'no-such-candidate'

/** From whoever asks to a peer; `id` is its own. */
export interface OperatorAsks {
  readonly type: 'operator-asks'
  readonly id: number
  readonly request: OperatorRequest
}

/** From a peer to the sessions that may hold the election; `id` is that of the peer `by`. */
export interface HolderAsked {
  readonly type: 'holder-asked'
  readonly by: PeerId
  readonly id: number
  readonly request: OperatorRequest
}

/** And back. */
export interface HolderAnswers {
  readonly type: 'holder-answers'
  readonly by: PeerId
  readonly id: number
  readonly answer: OperatorAnswer
}

export interface OperatorTold {
  readonly type: 'operator-told'
  readonly id: number
  readonly answer: OperatorAnswer
}

/** Between peers. */
export type DeskMessage =
  | { readonly kind: 'operator-asks'; readonly id: number; readonly request: OperatorRequest }
  | { readonly kind: 'holder-answers'; readonly id: number; readonly answer: OperatorAnswer }

export const operatorRequest: Shape<OperatorRequest> = object<OperatorRequest>({
  election: text(253, 1),
  token: decimal,
  to: nullable(text(128, 1)),
})

export const operatorAnswer: Shape<OperatorAnswer> = oneOf('told', 'no-such-candidate')

export interface DeskDuties<Link> {
  send(to: PeerId, message: DeskMessage): void
  /** To whom of those attached here the request may belong. */
  holders(request: OperatorRequest): Iterable<Link>
  toLink(link: Link, message: HolderAsked | OperatorTold): void
}

/** Far more than operators ask at a time. Of those that are not answered the oldest is forgotten: it is repeated. */
const openMax = 1024

/** More than a process ever carries; with 2^21 starts of a peer the numbers stay safe integers. */
const requestsPerProcess = 2 ** 32

export class OperatorDesk<Link> {
  readonly #self: PeerId
  readonly #others: readonly PeerId[]
  readonly #duties: DeskDuties<Link>
  /** By this peer's number, who waits for the answer. */
  readonly #open = new Map<number, { readonly link: Link; readonly id: number }>()
  #next: number

  /** `incarnation` keeps its numbers apart from those of an earlier process of this peer. */
  constructor(
    self: PeerId,
    { peers, incarnation }: { readonly peers: readonly PeerId[]; readonly incarnation: number },
    duties: DeskDuties<Link>,
  ) {
    this.#self = self
    this.#others = peers.filter((peer) => peer !== self)
    this.#next = incarnation * requestsPerProcess
    this.#duties = duties
  }

  fromLink(link: Link, message: OperatorAsks | HolderAnswers): void {
    if (message.type === 'operator-asks') {
      this.#ask(link, message)
      return
    }
    const { by, id, answer } = message
    if (by === this.#self) this.#answered(id, answer)
    else if (this.#others.includes(by)) this.#duties.send(by, { kind: 'holder-answers', id, answer })
  }

  fromPeer(from: PeerId, message: DeskMessage): void {
    if (message.kind === 'operator-asks') this.#tellHolders(from, message.id, message.request)
    else this.#answered(message.id, message.answer)
  }

  /** Nobody waits behind this link any more. */
  detached(link: Link): void {
    for (const [id, open] of this.#open) if (open.link === link) this.#open.delete(id)
  }

  #ask(link: Link, { id, request }: OperatorAsks): void {
    const own = this.#next++
    this.#open.set(own, { link, id })
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= openMax) break
      this.#open.delete(oldest)
    }
    this.#tellHolders(this.#self, own, request)
    for (const peer of this.#others) this.#duties.send(peer, { kind: 'operator-asks', id: own, request })
  }

  #tellHolders(by: PeerId, id: number, request: OperatorRequest): void {
    for (const link of this.#duties.holders(request))
      this.#duties.toLink(link, { type: 'holder-asked', by, id, request })
  }

  #answered(own: number, answer: OperatorAnswer): void {
    const open = this.#open.get(own)
    this.#open.delete(own)
    if (open !== undefined) this.#duties.toLink(open.link, { type: 'operator-told', id: open.id, answer })
  }
}
