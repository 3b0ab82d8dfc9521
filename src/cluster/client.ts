/**
 * A process that is no peer of the cluster: keeps a connection to one of the peers, in a random order, and moves on to
 * the next when it breaks or when its sponsor turns out to be cut off from the others.
 */
import type { Clock, Timer } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import type { ClientConnection, ConnectClient } from '../seams/transport.ts'
import type { SponsorLink, SponsorLinkEvents } from './sponsor-link.ts'

export interface ClientOptions<FromHolder, ToHolder> {
  readonly peers: Readonly<Record<string, string>>
  /** Refuses peers of another cluster; undefined = any. */
  readonly cluster: string | undefined
  readonly connect: ConnectClient<FromHolder, ToHolder>
  readonly clock: Clock
  readonly random: Random
  /** Called with the reason of each peer's failure, after all of them failed in a row. */
  unreachable?(problems: readonly { readonly target: string; readonly reason: string }[]): void
}

/** Between two rounds over all peers, in ms: doubles from the first to the second, with jitter. */
const backOffMs = [50, 1000] as const

export function connectAsClient<FromHolder, ToHolder>(
  options: ClientOptions<FromHolder, ToHolder>,
  events: SponsorLinkEvents<ToHolder>,
): SponsorLink<FromHolder> {
  const client = new Client(options, events)
  client.start()
  return client
}

class Client<FromHolder, ToHolder> implements SponsorLink<FromHolder> {
  readonly host = null
  readonly beats = false
  readonly #options: ClientOptions<FromHolder, ToHolder>
  readonly #events: SponsorLinkEvents<ToHolder>
  readonly #order: readonly string[]
  #position = 0
  #round = 0
  #problems: { target: string; reason: string }[] = []
  #connection: ClientConnection<FromHolder> | null = null
  #timer: Timer | null = null
  readonly #ended = new AbortController()

  constructor(options: ClientOptions<FromHolder, ToHolder>, events: SponsorLinkEvents<ToHolder>) {
    this.#options = options
    this.#events = events
    this.#order = shuffled(Object.values(options.peers), options.random)
  }

  start(): void {
    this.#timer = this.#options.clock.setTimer(0, () => this.#dial())
  }

  send(message: FromHolder): void {
    this.#connection?.send(message)
  }

  change(reason: string): void {
    if (this.#connection === null || this.#order.length === 1) return
    const connection = this.#connection
    this.#lost(reason)
    connection.close()
  }

  close(): void {
    this.#ended.abort()
    this.#timer?.cancel()
    this.#connection?.close()
    this.#connection = null
  }

  #dial(): void {
    const address = this.#order[this.#position % this.#order.length] as string
    this.#position++
    /** A connection that closes while it is made known. */
    let over = false
    let connection: ClientConnection<FromHolder> | null = null
    const dialled = this.#options.connect({
      address,
      cluster: this.#options.cluster,
      signal: this.#ended.signal,
      events: {
        message: (message) => {
          if (connection !== null && connection === this.#connection) this.#events.message(message)
        },
        closed: (reason) => {
          over = true
          if (connection !== null && connection === this.#connection) this.#lost(reason)
        },
      },
    })
    dialled.then(
      (made) => {
        if (this.#ended.signal.aborted) return made.close()
        if (over) return this.#failed(address, 'the connection closed at once')
        connection = made
        this.#connection = made
        this.#round = 0
        this.#problems = []
        this.#events.up()
      },
      (error: unknown) => {
        if (!this.#ended.signal.aborted)
          this.#failed(address, error instanceof Error ? error.message : String(error))
      },
    )
  }

  #lost(reason: string): void {
    this.#connection = null
    this.#events.down(reason)
    this.#timer = this.#options.clock.setTimer(0, () => this.#dial())
  }

  #failed(target: string, reason: string): void {
    this.#problems.push({ target, reason })
    if (this.#problems.length < this.#order.length) {
      this.#dial()
      return
    }
    const problems = this.#problems
    this.#problems = []
    this.#options.unreachable?.(problems)
    this.#events.down(
      `no peer answers (${problems.map(({ target: peer, reason: why }) => `${peer}: ${why}`).join('; ')})`,
    )
    // Whoever heard that may have closed this client.
    if (this.#ended.signal.aborted) return
    const [min, max] = backOffMs
    const delayMs = Math.min(max, min * 2 ** this.#round) * (0.5 + this.#options.random.next())
    this.#round++
    this.#timer = this.#options.clock.setTimer(delayMs, () => this.#dial())
  }
}

function shuffled(items: readonly string[], random: Random): string[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1))
    const swap = order[i] as string
    order[i] = order[j] as string
    order[j] = swap
  }
  return order
}
