import { expect, test } from 'vitest'
import { Counter, Histogram, prometheusText } from './prometheus-text.ts'

test('a page has a head for each family and a line for each sample', () => {
  const up = {
    name: 'up',
    help: 'Is it up?',
    type: 'gauge',
    samples: [{ labels: { job: 'a' }, value: 1 }],
  } as const
  const token = {
    name: 'token',
    help: 'Big.',
    type: 'gauge',
    samples: [{ labels: {}, value: 2n ** 60n }],
  } as const
  expect(prometheusText([up, token])).toBe(
    '# HELP up Is it up?\n# TYPE up gauge\nup{job="a"} 1\n' +
      '# HELP token Big.\n# TYPE token gauge\ntoken 1152921504606846976\n',
  )
})

test('what stands in a label cannot end its line or its quotes', () => {
  const samples = [{ labels: { election: 'a"b\\c\nd' }, value: Number.POSITIVE_INFINITY }]
  const page = prometheusText([{ name: 'x', help: 'two\nlines', type: 'gauge', samples }])
  expect(page.split('\n')).toEqual([
    '# HELP x two\\nlines',
    '# TYPE x gauge',
    'x{election="a\\"b\\\\c\\nd"} +Inf',
    '',
  ])
})

test('a counter shows what was never counted as 0, and only until it was', () => {
  const counter = new Counter()
  const zero = [{ reason: 'a' }, { reason: 'b' }]
  counter.add({ reason: 'b' })
  counter.add({ reason: 'b' })
  expect(counter.samples(zero)).toEqual([
    { labels: { reason: 'a' }, value: 0 },
    { labels: { reason: 'b' }, value: 2 },
  ])
})

test('the buckets of a histogram hold everything up to their bound', () => {
  const histogram = new Histogram([0.1, 0.5])
  for (const value of [0.1, 0.2, 0.9]) histogram.observe(value)
  const page = prometheusText([
    { name: 'h', help: '', type: 'histogram', samples: histogram.samples({ x: 'y' }) },
  ])
  expect(page.split('\n').slice(2, -1)).toEqual([
    'h_bucket{x="y",le="0.1"} 1',
    'h_bucket{x="y",le="0.5"} 2',
    'h_bucket{x="y",le="+Inf"} 3',
    expect.stringMatching(/^h_sum\{x="y"\} 1\.2/),
    'h_count{x="y"} 3',
  ])
})
