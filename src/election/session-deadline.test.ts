import { describe, expect, it } from 'vitest'
import { createElection } from './election.ts'
import type { Leadership } from './leadership.ts'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { ScriptedArbiter } from '../testing/election-stage.ts'

/** Of a lease of 1000 ms a holder counts 1000 * (1 - 0.001) - 1. */
const VALID_MS = 998

async function leadingMany(count: number) {
  const arbiter = new ScriptedArbiter({}, { tellsTogether: true })
  const { clock } = arbiter
  const lead = async (name: string): Promise<Leadership> => {
    const campaign = createElection({ name, backend: arbiter.backend }).campaign()
    await clock.advanceAsync(0)
    arbiter.candidacy.win(BigInt(arbiter.candidacies.length))
    return campaign
  }
  const leaderships: Leadership[] = []
  for (let index = 0; index < count; index++) leaderships.push(await lead(`job-${index}`))
  const renewal = () => arbiter.candidacy.renewal()
  const renewAll = (one = renewal()): void => arbiter.renewAll?.(one)
  return { arbiter, clock, lead, leaderships, renewal, renewAll }
}

describe('a session that tells its renewals as a whole', () => {
  it('reads the clock as often for one leadership as for three hundred, and has one timer', async () => {
    const readings: number[] = []
    for (const count of [1, 300]) {
      const { arbiter, clock, renewAll } = await leadingMany(count)
      const { env } = arbiter.backend
      const read = env.clock.elapsedMs
      let reads = 0
      Object.assign(env.clock, {
        elapsedMs: (since: Parameters<typeof read>[0]) => {
          reads++
          return read(since)
        },
      })
      renewAll()
      readings.push(reads)
      expect(clock.pendingTimers()).toBe(1)
    }
    expect(readings[0]).toBeGreaterThan(0)
    expect(readings[1]).toBe(readings[0])
  })

  it('moves the deadline of all, those included that were won at different times, and never back', async () => {
    const { clock, lead, leaderships, renewal, renewAll } = await leadingMany(2)
    const early = renewal()
    clock.advance(400)
    leaderships.push(await lead('late'))
    expect(leaderships.map((each) => each.remainingMs())).toEqual([VALID_MS, VALID_MS, VALID_MS])
    clock.advance(300)
    renewAll()
    renewAll(early)
    expect(leaderships.map((each) => each.remainingMs())).toEqual([VALID_MS, VALID_MS, VALID_MS])
  })

  it('revives nothing by a renewal that comes too late, though nobody looked in between', async () => {
    const { clock, lead, leaderships, renewal, renewAll } = await leadingMany(3)
    clock.advance(900)
    const late = renewal()
    clock.stall(500)
    renewAll(late)
    expect(leaderships.map((each) => each.signal.aborted)).toEqual([true, true, true])
    renewAll()
    expect(leaderships.some((each) => each.isValid())).toBe(false)
    expect(await Promise.all(leaderships.map((each) => each.lost))).toEqual(Array(3).fill('expired'))
    const next = await lead('next')
    expect(next.isValid()).toBe(true)
    clock.advance(500)
    renewAll()
    expect(next.remainingMs()).toBe(VALID_MS)
    expect(leaderships.some((each) => each.isValid())).toBe(false)
  })

  it('is over for all as soon as one was told so, also for whoever asks after a renewal', async () => {
    const { clock, lead, leaderships, renewAll } = await leadingMany(2)
    clock.stall(2000)
    expect(leaderships[0]?.isValid()).toBe(false)
    const next = await lead('next')
    expect(next.isValid()).toBe(true)
    renewAll()
    expect(leaderships[1]?.isValid()).toBe(false)
    await clock.advanceAsync(0)
    expect(leaderships.map((each) => each.signal.aborted)).toEqual([true, true])
    expect(next.isValid()).toBe(true)
  })

  it('ends all in one timer phase when no renewal comes, and leaves no timer', async () => {
    const { clock, leaderships } = await leadingMany(3)
    clock.advance(VALID_MS - 1)
    expect(leaderships.every((each) => each.isValid())).toBe(true)
    await clock.advanceAsync(1)
    expect(leaderships.map((each) => each.signal.aborted)).toEqual([true, true, true])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('takes a suspend for the end of all of them', async () => {
    const { clock, leaderships, renewAll } = await leadingMany(2)
    clock.suspend(200)
    renewAll()
    expect(await Promise.all(leaderships.map((each) => each.lost))).toEqual(['suspended', 'suspended'])
  })

  it('goes on for the others when one is resigned, and watches nothing after the last', async () => {
    const { clock, leaderships, renewAll } = await leadingMany(2)
    await leaderships[0]?.resign()
    clock.advance(600)
    renewAll()
    clock.advance(600)
    expect(leaderships.map((each) => each.isValid())).toEqual([false, true])
    await leaderships[1]?.resign()
    expect(clock.pendingTimers()).toBe(0)
    renewAll()
    expect(clock.pendingTimers()).toBe(0)
  })

  it('counts from the renewal of a win where nothing was held while time passed', async () => {
    const { clock, lead, leaderships } = await leadingMany(1)
    await leaderships[0]?.resign()
    clock.advance(5000)
    const next = await lead('next')
    expect(next.remainingMs()).toBe(VALID_MS)
  })

  it('publishes a renewal of every leadership to whoever subscribed', async () => {
    const { renewAll } = await leadingMany(3)
    const heard: unknown[] = []
    const listener = (message: unknown): void => void heard.push(message)
    subscribe('mandate:renewed', listener)
    renewAll()
    unsubscribe('mandate:renewed', listener)
    expect(heard).toMatchObject([{ election: 'job-0' }, { election: 'job-1' }, { election: 'job-2' }])
  })
})
