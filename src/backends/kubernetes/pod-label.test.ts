import { describe, expect, it } from 'vitest'
import type { BackgroundFailure } from '../backend.ts'
import { countingRandom } from '../../testing/election-stage.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { ApiClient, ApiRequest } from './api-client.ts'
import { ApiFailure } from './api-failure.ts'
import { checkedLabel } from './leader-label.ts'
import { LeaseEvents } from './lease-events.ts'
import { lockFormats } from './lock-format.ts'
import { PodLabel } from './pod-label.ts'

interface Asked {
  readonly request: ApiRequest
  answer(failure?: ApiFailure): void
}

/** A server that answers when the test says so. */
function stage() {
  const clock = manualClock()
  const failures: BackgroundFailure[] = []
  const asked: Asked[] = []
  const client: ApiClient = {
    call: (request) =>
      new Promise((resolve, reject) => {
        request.signal.addEventListener('abort', () => reject(new ApiFailure(0, '', 'no answer in time')))
        const answer = (failure?: ApiFailure): void => (failure === undefined ? resolve({}) : reject(failure))
        asked.push({ request, answer })
      }),
    stream: () => Promise.reject(new Error('not used')),
    close: () => Promise.resolve(),
  }
  const env = {
    clock,
    random: countingRandom(),
    report: (failure: BackgroundFailure) => void failures.push(failure),
  }
  const label = new PodLabel({
    client,
    env,
    namespace: 'jobs',
    pod: 'web-1',
    label: { key: 'role', value: 'leader' },
  })
  const values = () =>
    asked.map(({ request }) => {
      const body = request.body as { readonly metadata: { readonly labels: Record<string, string | null> } }
      return body.metadata.labels['role']
    })
  const last = (): Asked => asked.at(-1) ?? expect.fail('nothing was asked')
  return { clock, failures, asked, client, env, label, values, last }
}

describe('the label of the pod', () => {
  it('is written through the status, one request at a time, and only what is wanted last', async () => {
    const { clock, label, values, last, asked } = stage()
    const [a, b] = [{}, {}]
    label.add(a)
    await clock.advanceAsync(0)
    expect(last().request).toMatchObject({
      method: 'PATCH',
      path: '/api/v1/namespaces/jobs/pods/web-1/status',
    })
    label.add(b)
    label.remove(a)
    label.remove(b)
    label.remove(b)
    expect(values()).toEqual(['leader'])
    last().answer()
    await clock.advanceAsync(0)
    expect(values()).toEqual(['leader', null])
    last().answer()
    await clock.advanceAsync(60_000)
    expect(asked).toHaveLength(2)
  })

  it('stays while another election is led', async () => {
    const { clock, label, values, last } = stage()
    const [a, b] = [{}, {}]
    label.add(a)
    label.add(b)
    await clock.advanceAsync(0)
    last().answer()
    label.remove(a)
    await clock.advanceAsync(0)
    expect(values()).toEqual(['leader'])
  })

  it('is tried again when the server hangs or fails, and at once when something else is wanted', async () => {
    const { clock, label, values, failures, last } = stage()
    const holder = {}
    label.add(holder)
    await clock.advanceAsync(5000)
    expect(failures).toHaveLength(1)
    await clock.advanceAsync(1000)
    expect(values()).toEqual(['leader', 'leader'])
    last().answer(new ApiFailure(503, '', 'busy'))
    await clock.advanceAsync(0)
    label.remove(holder)
    await clock.advanceAsync(0)
    // What was refused may have been written: it is removed all the same.
    expect(values()).toEqual(['leader', 'leader', null])
  })

  it('waits for a change of rights instead of hammering, and says which right is missing', async () => {
    const { clock, label, asked, failures, last } = stage()
    label.add({})
    await clock.advanceAsync(0)
    last().answer(new ApiFailure(403, 'Forbidden', 'no'))
    await clock.advanceAsync(600_000)
    expect(asked).toHaveLength(1)
    expect(String(failures[0]?.error)).toContain("resources: ['pods/status'], verbs: ['patch']")
  })

  it('is removed at the end, which takes no longer than it may', async () => {
    const { clock, label, values } = stage()
    label.add({})
    await clock.advanceAsync(0)
    let isClosed = false
    void label.close(2000).then(() => (isClosed = true))
    await clock.advanceAsync(1999)
    expect(isClosed).toBe(false)
    await clock.advanceAsync(1)
    expect(isClosed).toBe(true)
    expect(values()).toEqual(['leader'])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('asks for nothing at the end where nobody ever stood', async () => {
    const { label, asked } = stage()
    await label.close(2000)
    expect(asked).toEqual([])
  })
})

describe('events', () => {
  it('come in order, are dropped in a flood, and are waited for at the end', async () => {
    const { client, env, clock, asked, failures, last } = stage()
    const events = new LeaseEvents({ client, env, namespace: 'jobs', format: lockFormats.lease })
    const about = { candidateId: 'a', lease: 'billing' }
    for (let count = 0; count < 10; count++)
      events.tell(about, count % 2 === 0 ? 'became leader' : 'stopped leading')
    await clock.advanceAsync(0)
    expect(asked).toHaveLength(1)
    expect(failures).toHaveLength(2)
    expect(last().request).toMatchObject({
      method: 'POST',
      path: '/api/v1/namespaces/jobs/events',
      body: {
        reason: 'LeaderElection',
        message: 'a became leader',
        involvedObject: { kind: 'Lease', name: 'billing' },
      },
    })
    last().answer(new ApiFailure(403, 'Forbidden', 'no'))
    await clock.advanceAsync(0)
    expect(String(failures.at(-1)?.error)).toContain('events, create')
    expect(last().request.body).toMatchObject({ message: 'a stopped leading' })
    const closed = events.close(2000)
    await clock.advanceAsync(2000)
    await closed
    expect(clock.pendingTimers()).toBe(0)
  })
})

it.each([
  'role',
  'role=',
  '=x',
  'a b=c',
  '-a=b',
  'Example.org/a=b',
  `a=${'x'.repeat(64)}`,
  `${'x'.repeat(64)}=a`,
])('%s is no label', (text) => {
  expect(() => checkedLabel(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
})

it('a label has a value and perhaps a prefix', () => {
  expect(checkedLabel('mandate.dev/leader=billing')).toEqual({ key: 'mandate.dev/leader', value: 'billing' })
  expect(checkedLabel('role=leader')).toEqual({ key: 'role', value: 'leader' })
})
