/** The page of `/metrics`: client-go's names, so that existing boards and alerts go on, and our own. */
import { prometheusText, Counter } from '../../observability/prometheus-text.ts'
import type { Family, Labels } from '../../observability/prometheus-text.ts'
import type { ElectionMetrics } from '../../observability/election-metrics.ts'
import { version } from '../../version.ts'
import type { ServedCandidate } from './candidate.ts'
import type { ElectionView } from './election-view.ts'

export interface MetricsPageOptions {
  readonly view: ElectionView
  readonly candidate: ServedCandidate
  readonly election: ElectionMetrics
  /** Failures that belong to no call. */
  readonly failures: Counter
  readonly loopLagMs: () => number
  readonly connections: () => number
  readonly streams: () => number
}

const states = ['led', 'vacant', 'unknown'] as const

export class MetricsPage {
  readonly #options: MetricsPageOptions
  readonly #requests = new Counter()

  constructor(options: MetricsPageOptions) {
    this.#options = options
  }

  countRequest(route: string, status: number): void {
    this.#requests.add({ route, code: String(status) })
  }

  text(): string {
    const { view, candidate, election, failures, loopLagMs, connections, streams } = this.#options
    const labels = { election: view.election }
    const token = candidate.leads()
    return prometheusText([
      gauge(
        'leader_election_master_status',
        'Whether this candidate leads at the instant of this answer. name is the election.',
        { name: view.election },
        token === undefined ? 0 : 1,
      ),
      ...election.families(),
      gauge(
        'mandate_lease_remaining_seconds',
        'How long this candidate leads without another renewal; 0: it does not lead.',
        labels,
        candidate.remainingMs() / 1000,
      ),
      {
        name: 'mandate_token',
        help: "This candidate's fencing token while it leads. Exact up to 2^53, as every number of Prometheus.",
        type: 'gauge',
        samples: token === undefined ? [] : [{ labels, value: token }],
      },
      {
        name: 'mandate_election_state',
        help: 'What the arbiter says: 1 for the state that holds.',
        type: 'gauge',
        samples: states.map((state) => ({
          labels: { ...labels, state },
          value: view.observedState === state ? 1 : 0,
        })),
      },
      gauge('mandate_event_loop_lag_seconds', 'How late the event loop was lately.', {}, loopLagMs() / 1000),
      {
        name: 'mandate_background_failures_total',
        help: 'Failures that belong to no call: lost connections, refused renewals.',
        type: 'counter',
        samples: failures.samples([{}]),
      },
      {
        name: 'mandate_http_requests_total',
        help: 'Requests that were answered.',
        type: 'counter',
        samples: this.#requests.samples(),
      },
      gauge('mandate_http_connections', 'Open connections.', {}, connections()),
      gauge('mandate_http_streams', 'Open event streams.', {}, streams()),
      gauge('mandate_build_info', 'Always 1.', { version, node: process.versions.node }, 1),
      gauge('process_resident_memory_bytes', 'Resident memory.', {}, process.memoryUsage.rss()),
    ])
  }
}

function gauge(name: string, help: string, labels: Labels, value: number): Family {
  return { name, help, type: 'gauge', samples: [{ labels, value }] }
}
