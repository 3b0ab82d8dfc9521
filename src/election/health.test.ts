import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createElection } from './election.ts'
import { healthSettings, HealthWatch } from './health.ts'
import type { HealthOptions } from './health.ts'
import type { Leadership } from './leadership.ts'
import type { BackgroundFailure } from '../backends/backend.ts'
import { isMandateError } from '../errors.ts'
import { ElectionStage, ScriptedArbiter } from '../testing/election-stage.ts'
import { manualClock } from '../testing/manual-clock.ts'
import type { ManualClock } from '../testing/manual-clock.ts'

/** A check that answers as it is told, and counts. */
class Patient {
  healthy = true
  /** How long a check takes, in ms; Infinity: it hangs, whatever its signal says. */
  takesMs = 0
  begun = 0
  atOnce = 0
  mostAtOnce = 0
  aborts = 0
  readonly #clock: ManualClock

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  readonly check = async (signal: AbortSignal): Promise<void> => {
    this.begun += 1
    this.atOnce += 1
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce)
    signal.addEventListener('abort', () => (this.aborts += 1), { once: true })
    try {
      const { takesMs } = this
      if (takesMs > 0)
        await new Promise<void>((resolve) => {
          if (takesMs !== Infinity) this.#clock.setTimer(takesMs, resolve)
        })
      if (!this.healthy) throw new Error('the queue is full')
    } finally {
      this.atOnce -= 1
    }
  }
}

const options = { intervalMs: 100, timeoutMs: 50, failures: 3, successes: 2 }

function watched(given: Partial<HealthOptions> = {}) {
  const clock = manualClock()
  const patient = new Patient(clock)
  const reports: BackgroundFailure[] = []
  const settings = healthSettings({ check: patient.check, ...options, ...given }, 'candidate.health')
  const report = (failure: BackgroundFailure): void => void reports.push(failure)
  const watch = new HealthWatch(settings, { clock, report }, 'health check')
  return { clock, patient, reports, watch }
}

describe('health checks', () => {
  it('run while somebody needs them, and leave no timer', async () => {
    const { clock, patient, watch } = watched()
    await clock.advanceAsync(1000)
    expect(patient.begun).toBe(0)
    const [one, other] = [watch.use(), watch.use()]
    await clock.advanceAsync(250)
    expect(patient.begun).toBe(3)
    one()
    one()
    await clock.advanceAsync(100)
    expect(patient.begun).toBe(4)
    other()
    expect(clock.pendingTimers()).toBe(0)
    await clock.advanceAsync(1000)
    expect(patient.begun).toBe(4)
  })

  it('the first one decides; then three failures in a row, then two successes', async () => {
    const { clock, patient, reports, watch } = watched()
    watch.use()
    expect(watch.isHealthy).toBe(false)
    await clock.advanceAsync(0)
    expect(watch.isHealthy).toBe(true)
    patient.healthy = false
    await clock.advanceAsync(200)
    expect(watch.isHealthy).toBe(true)
    expect(reports).toEqual([])
    await clock.advanceAsync(100)
    expect(watch.isHealthy).toBe(false)
    // Once, however long it lasts.
    await clock.advanceAsync(1000)
    expect(reports).toMatchObject([{ during: 'health check', error: { message: 'the queue is full' } }])
    patient.healthy = true
    await clock.advanceAsync(100)
    expect(watch.isHealthy).toBe(false)
    await clock.advanceAsync(100)
    expect(watch.isHealthy).toBe(true)
  })

  it('that hang count as failed again and again, and no other is begun beside them', async () => {
    const { clock, patient, reports, watch } = watched()
    watch.use()
    await clock.advanceAsync(0)
    patient.takesMs = Infinity
    await clock.advanceAsync(1000)
    expect(watch.isHealthy).toBe(false)
    expect(patient.begun).toBe(2)
    expect(patient.aborts).toBe(1)
    expect(isMandateError(reports[0]?.error, 'TIMEOUT')).toBe(true)
  })

  it('that are late count as failed, their answer counts no more, and the next one waits for their end', async () => {
    const { clock, patient, watch } = watched({ failures: 1, successes: 1 })
    watch.use()
    await clock.advanceAsync(0)
    patient.takesMs = 120
    await clock.advanceAsync(151)
    expect(watch.isHealthy).toBe(false)
    await clock.advanceAsync(500)
    expect(watch.isHealthy).toBe(false)
    expect(patient.mostAtOnce).toBe(1)
    patient.takesMs = 0
    await clock.advanceAsync(300)
    expect(watch.isHealthy).toBe(true)
  })

  it('an answer that came while this process stalled is read before it counts as late', async () => {
    const { clock, patient, watch } = watched({ failures: 1 })
    watch.use()
    await clock.advanceAsync(0)
    patient.takesMs = 20
    await clock.advanceAsync(99)
    await clock.stallAsync(300)
    await clock.advanceAsync(25)
    expect(patient.begun).toBe(2)
    await clock.stallAsync(300)
    expect(watch.isHealthy).toBe(true)
  })

  it('that throw at once, or return nothing, are checks like others', async () => {
    let ok = true
    const { clock, watch } = watched({
      check: () => {
        if (!ok) throw new Error('no')
      },
      failures: 1,
    })
    watch.use()
    await clock.advanceAsync(0)
    expect(watch.isHealthy).toBe(true)
    ok = false
    await clock.advanceAsync(100)
    expect(watch.isHealthy).toBe(false)
  })

  it('needed again, they begin with a fresh one, and forgive nothing', async () => {
    const { clock, patient, watch } = watched()
    let stop = watch.use()
    await clock.advanceAsync(0)
    stop()
    expect(watch.isHealthy).toBe(true)
    patient.healthy = false
    stop = watch.use()
    // What was true then need not be true now.
    expect(watch.isHealthy).toBe(false)
    await clock.advanceAsync(0)
    expect(watch.isHealthy).toBe(false)
    stop()
    patient.healthy = true
    watch.use()
    await clock.advanceAsync(0)
    expect(watch.isHealthy).toBe(false)
    await clock.advanceAsync(100)
    expect(watch.isHealthy).toBe(true)
  })

  it('given up while one hangs, the next is begun as soon as that has ended', async () => {
    const { clock, patient, watch } = watched()
    patient.takesMs = 70
    const stop = watch.use()
    await clock.advanceAsync(10)
    stop()
    expect(patient.aborts).toBe(1)
    watch.use()
    await clock.advanceAsync(59)
    expect(patient.begun).toBe(1)
    patient.takesMs = 0
    await clock.advanceAsync(1)
    expect(patient.begun).toBe(2)
    expect(watch.isHealthy).toBe(true)
  })

  it('never run at once, whatever is begun, given up and hung', async () => {
    const acts = fc.array(
      fc.record({
        act: fc.constantFrom('use', 'stop', 'sick', 'well'),
        takesMs: fc.constantFrom(0, 10, 60, 300, Infinity),
        passMs: fc.nat(400),
      }),
      { maxLength: 25 },
    )
    await fc.assert(
      fc.asyncProperty(acts, async (played) => {
        const { clock, patient, watch } = watched()
        const stops: (() => void)[] = []
        for (const { act, takesMs, passMs } of played) {
          patient.takesMs = takesMs
          if (act === 'use') stops.push(watch.use())
          else if (act === 'stop') stops.pop()?.()
          else patient.healthy = act === 'well'
          await clock.advanceAsync(passMs)
        }
        expect(patient.mostAtOnce).toBeLessThanOrEqual(1)
      }),
      { numRuns: 30 },
    )
  })

  const check = (): void => undefined
  it.each([
    [true, 'candidate.health'],
    [{ check: 5 }, 'candidate.health.check'],
    [{ check, interval: 5 }, 'candidate.health.interval'],
    [{ check, intervalMs: 0 }, 'candidate.health.intervalMs'],
    [{ check, timeoutMs: Number.NaN }, 'candidate.health.timeoutMs'],
    [{ check, failures: 1.5 }, 'candidate.health.failures'],
    [{ check, successes: 0 }, 'candidate.health.successes'],
  ])('refuse %j by name', (health, option) => {
    const { backend } = new ScriptedArbiter()
    const create = (): unknown =>
      createElection({ name: 'billing', backend, candidate: { health: health as HealthOptions } })
    expect(create).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTIONS',
        details: { option, value: expect.anything(), expected: expect.any(String) },
      }),
    )
  })
})

function scripted() {
  const arbiter = new ScriptedArbiter()
  const { clock } = arbiter
  const patient = new Patient(clock)
  const election = createElection({
    name: 'billing',
    backend: arbiter.backend,
    candidate: { health: { check: patient.check, ...options } },
  })
  return { arbiter, clock, patient, election }
}

describe('an unhealthy candidate', () => {
  it('does not stand before a check succeeds', async () => {
    const { arbiter, clock, patient, election } = scripted()
    patient.healthy = false
    const campaign = election.campaign()
    await clock.advanceAsync(1000)
    expect(arbiter.candidacies).toEqual([])
    patient.healthy = true
    await clock.advanceAsync(200)
    expect(arbiter.candidacies).toHaveLength(1)
    arbiter.candidacy.win(1n)
    expect((await campaign).isValid()).toBe(true)
    await election.close()
    expect(clock.pendingTimers()).toBe(0)
  })

  it('leaves the queue, and stands again when it is healthy', async () => {
    const { arbiter, clock, patient, election } = scripted()
    const campaign = election.campaign()
    await clock.advanceAsync(0)
    patient.healthy = false
    await clock.advanceAsync(300)
    expect(arbiter.candidacies.map(({ calls }) => calls)).toEqual([['leave']])
    await clock.advanceAsync(2000)
    expect(arbiter.candidacies).toHaveLength(1)
    patient.healthy = true
    await clock.advanceAsync(500)
    expect(arbiter.candidacies).toHaveLength(2)
    arbiter.candidacy.win(2n)
    expect((await campaign).token).toBe(2n)
    await election.close()
  })

  it('is never told of a win that came when it was unhealthy: that is given back', async () => {
    const { arbiter, clock, patient, election } = scripted()
    const campaign = election.campaign()
    const told: Leadership[] = []
    void campaign.then((leadership) => told.push(leadership))
    await clock.advanceAsync(0)
    const first = arbiter.candidacy
    let left = (_: 'left'): void => undefined
    first.leaves = () => new Promise((resolve) => (left = resolve))
    patient.healthy = false
    await clock.advanceAsync(300)
    first.win(1n)
    await clock.advanceAsync(0)
    expect(told).toEqual([])
    left('left')
    patient.healthy = true
    await clock.advanceAsync(500)
    arbiter.candidacy.win(2n)
    expect((await campaign).token).toBe(2n)
    await election.close()
  })

  it('can be cancelled while it waits', async () => {
    const { clock, patient, election } = scripted()
    patient.healthy = false
    const stop = new AbortController()
    const campaign = election.campaign({ signal: stop.signal })
    campaign.catch(() => undefined)
    await clock.advanceAsync(500)
    stop.abort()
    await clock.advanceAsync(0)
    await expect(campaign).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(clock.pendingTimers()).toBe(0)
  })
})

describe('an unhealthy leader', () => {
  it('loses its leadership, says why, and releases it', async () => {
    const { arbiter, clock, patient, election } = scripted()
    const campaign = election.campaign()
    await clock.advanceAsync(0)
    arbiter.candidacy.win(1n)
    const leadership = await campaign
    const order: string[] = []
    leadership.signal.addEventListener('abort', () => order.push(`aborted, valid ${leadership.isValid()}`))
    void leadership.lost.then((reason) => order.push(`lost: ${reason}`))
    arbiter.candidacy.leaves = () => {
      order.push('released')
      return Promise.resolve('left')
    }
    patient.healthy = false
    // Renewed meanwhile: the lease has nothing to do with it.
    for (let beat = 0; beat < 4; beat++) {
      arbiter.candidacy.on.renewed(arbiter.candidacy.renewal())
      await clock.advanceAsync(100)
    }
    expect(order).toEqual(['aborted, valid false', 'lost: unhealthy', 'released'])
    expect(leadership.signal.reason).toMatchObject({
      code: 'LEADERSHIP_LOST',
      details: { reason: 'unhealthy' },
    })
    // Nobody campaigns or leads any more: no check either.
    const { begun } = patient
    await clock.advanceAsync(2000)
    expect(patient.begun).toBe(begun)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('in lead() drains its work first, then releases, and stands again once it is healthy', async () => {
    const { arbiter, clock, patient, election } = scripted()
    const order: string[] = []
    const result = election.lead(async ({ signal, token }) => {
      order.push(`work ${token}`)
      if (token === 2n) return 'done'
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      await new Promise<void>((resolve) => clock.setTimer(200, resolve))
      order.push('drained')
      return 'never counts'
    })
    await clock.advanceAsync(0)
    arbiter.candidacy.win(1n)
    const first = arbiter.candidacy
    first.leaves = () => {
      order.push('released')
      return Promise.resolve('left')
    }
    await clock.advanceAsync(0)
    patient.healthy = false
    for (let beat = 0; beat < 20; beat++) {
      first.on.renewed(first.renewal())
      await clock.advanceAsync(100)
    }
    expect(order).toEqual(['work 1', 'drained', 'released'])
    expect(arbiter.candidacies).toHaveLength(1)
    patient.healthy = true
    await clock.advanceAsync(300)
    expect(arbiter.candidacies).toHaveLength(2)
    arbiter.candidacy.win(2n)
    expect(await result).toBe('done')
    await election.close()
    expect(clock.pendingTimers()).toBe(0)
  })

  it('hands over to the next who waits, and takes its place behind it', async () => {
    const stage = new ElectionStage()
    const backend = stage.process('a')
    const patient = new Patient(stage.clockOf(backend))
    const a = createElection({
      name: 'billing',
      backend,
      candidate: { id: 'a', health: { check: patient.check, ...options } },
    })
    const b = stage.election('b')
    const led: string[] = []
    const work =
      (id: string) =>
      async ({ signal }: Leadership): Promise<void> => {
        led.push(id)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      }
    const stop = new AbortController()
    const all = [a.lead(work('a'), { signal: stop.signal })]
    await stage.pass(200)
    all.push(b.lead(work('b'), { signal: stop.signal }))
    await stage.pass(200)
    expect(led).toEqual(['a'])
    patient.healthy = false
    await stage.pass(400)
    expect(led).toEqual(['a', 'b'])
    patient.healthy = true
    await stage.pass(2000)
    expect(led).toEqual(['a', 'b'])
    stop.abort()
    await stage.run(Promise.all(all))
    await stage.run(Promise.all([a.close(), b.close()]))
    expect(stage.pendingTimers()).toBe(0)
  })
})
