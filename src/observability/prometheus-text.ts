/**
 * Metrics and the page that Prometheus reads (text format 0.0.4). Written here because it is a page of code, while the
 * library for it keeps a global registry and takes care of default metrics that nobody asked for.
 */

export type Labels = Readonly<Record<string, string>>

/** One line of the page; a family has a line for each set of labels. */
export interface Sample {
  readonly labels: Labels
  readonly value: number | bigint
  /** Behind the family's name: `_bucket`, `_sum`, `_count`. */
  readonly suffix?: string
}

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly Sample[]
}

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** The whole page. */
export function prometheusText(families: readonly Family[]): string {
  return families
    .map(({ name, help, type, samples }) => {
      const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`
      return head + samples.map((sample) => lineOf(name, sample)).join('')
    })
    .join('')
}

function lineOf(name: string, { labels, value, suffix = '' }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  const braces = pairs.length === 0 ? '' : `{${pairs.join(',')}}`
  return `${name}${suffix}${braces} ${numberText(value)}\n`
}

function numberText(value: number | bigint): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}

/** Counts by labels. What is counted must come from a closed set, or the page grows for ever. */
export class Counter {
  readonly #counts = new Map<string, { readonly labels: Labels; count: number }>()

  add(labels: Labels): void {
    const key = JSON.stringify(labels)
    const entry = this.#counts.get(key)
    if (entry === undefined) this.#counts.set(key, { labels, count: 1 })
    else entry.count++
  }

  /** `zero`: what is shown before anything was counted, so that a rate can be taken of the first event. */
  samples(zero: readonly Labels[] = []): readonly Sample[] {
    const counted = [...this.#counts.values()].map(({ labels, count }) => ({ labels, value: count }))
    const missing = zero.filter((labels) => !this.#counts.has(JSON.stringify(labels)))
    return [...missing.map((labels) => ({ labels, value: 0 })), ...counted]
  }
}

/** Observations in buckets with fixed upper bounds. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  /** `bounds` rise; what lies above the last one is counted as well. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    this.#sum += value
    this.#count++
    this.#bounds.forEach((bound, index) => {
      if (value <= bound) this.#counts[index] = (this.#counts[index] ?? 0) + 1
    })
  }

  samples(labels: Labels): readonly Sample[] {
    const buckets = this.#bounds.map((bound, index) => ({
      suffix: '_bucket',
      labels: { ...labels, le: numberText(bound) },
      value: this.#counts[index] ?? 0,
    }))
    return [
      ...buckets,
      { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: this.#count },
      { suffix: '_sum', labels, value: this.#sum },
      { suffix: '_count', labels, value: this.#count },
    ]
  }
}
