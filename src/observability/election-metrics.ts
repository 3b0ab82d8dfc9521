/** Counts what one candidate's election publishes on the diagnostics channels. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ChannelMessages } from './channels.ts'
import { Counter, Histogram } from './prometheus-text.ts'
import type { Family, Labels } from './prometheus-text.ts'

export interface ElectionMetricsOptions {
  readonly election: string
  readonly candidateId: string
  readonly leaseMs: number
  /** Monotonic. */
  readonly nowMs: () => number
}

/** Of the lease: healthy renewals leave about two thirds, and what leaves a tenth is close to a loss. */
const marginBounds = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]

export class ElectionMetrics {
  readonly #options: ElectionMetricsOptions
  readonly #labels: Labels
  readonly #campaigns = new Counter()
  readonly #wins = new Counter()
  readonly #losses = new Counter()
  readonly #renewals = new Counter()
  readonly #slowRenewals = new Counter()
  readonly #margin = new Histogram(marginBounds)
  /** Of the leadership that was renewed last: until when it held then. */
  #held: { readonly token: string; readonly untilMs: number } | undefined
  readonly #stops: (() => void)[]

  constructor(options: ElectionMetricsOptions) {
    this.#options = options
    this.#labels = { election: options.election }
    this.#stops = [
      this.#on('mandate:campaign', () => this.#campaigns.add(this.#labels)),
      this.#on('mandate:elected', () => this.#wins.add(this.#labels)),
      this.#on('mandate:renewed', (message) => this.#renewed(message)),
      this.#on('mandate:slow-renewal', () => this.#slowRenewals.add({ name: options.election })),
      this.#on('mandate:lost', ({ reason }) => this.#losses.add({ ...this.#labels, reason })),
    ]
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  families(): readonly Family[] {
    const labels = [this.#labels]
    return [
      {
        name: 'leader_election_slowpath_total',
        help: "Renewals that had to read the record again before they could be written (client-go's slow path).",
        type: 'counter',
        samples: this.#slowRenewals.samples([{ name: this.#options.election }]),
      },
      counter('mandate_campaigns_total', 'Candidacies begun.', this.#campaigns.samples(labels)),
      counter('mandate_elections_won_total', 'Elections won.', this.#wins.samples(labels)),
      counter(
        'mandate_leaderships_ended_total',
        'Leaderships that ended, by reason.',
        this.#losses.samples(['resigned', 'expired'].map((reason) => ({ ...this.#labels, reason }))),
      ),
      counter('mandate_renewals_total', 'Renewals of leaderships.', this.#renewals.samples(labels)),
      {
        name: 'mandate_renewal_margin_ratio',
        help: 'What was left when a renewal came, as a share of the lease. Near 0: the next loss is near.',
        type: 'histogram',
        samples: this.#margin.samples(this.#labels),
      },
    ]
  }

  #renewed({ token, remainingMs }: ChannelMessages['mandate:renewed']): void {
    const nowMs = this.#options.nowMs()
    this.#renewals.add(this.#labels)
    if (this.#held?.token === token) {
      this.#margin.observe(Math.max(0, this.#held.untilMs - nowMs) / this.#options.leaseMs)
    }
    this.#held = { token, untilMs: nowMs + remainingMs }
  }

  #on<Name extends keyof ChannelMessages>(
    name: Name,
    hear: (message: ChannelMessages[Name]) => void,
  ): () => void {
    const listener = (message: unknown): void => {
      const about = message as ChannelMessages[Name]
      if (about.election !== this.#options.election || about.candidateId !== this.#options.candidateId) return
      hear(about)
    }
    subscribe(name, listener)
    return () => void unsubscribe(name, listener)
  }
}

function counter(name: string, help: string, samples: Family['samples']): Family {
  return { name, help, type: 'counter', samples }
}
