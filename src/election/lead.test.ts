import { describe, expect, it } from 'vitest'
import { createElection } from './election.ts'
import type { Leadership } from './leadership.ts'
import { MandateError } from '../errors.ts'
import { ElectionStage, ScriptedArbiter } from '../testing/election-stage.ts'

/** Settles when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function scripted() {
  const arbiter = new ScriptedArbiter()
  const election = createElection({ name: 'billing', backend: arbiter.backend })
  const { clock } = arbiter
  /** Wins whatever stands now. */
  const win = async (token: bigint) => {
    await clock.advanceAsync(0)
    arbiter.candidacy.win(token)
    await clock.advanceAsync(0)
  }
  return { arbiter, election, clock, win }
}

describe('lead()', () => {
  it('resolves with the value of the work after the release', async () => {
    const { arbiter, election, win } = scripted()
    const seen: string[] = []
    const result = election.lead((leadership) => {
      seen.push(`work ${leadership.token}, valid ${leadership.isValid()}`)
      return Promise.resolve('done')
    })
    await arbiter.clock.advanceAsync(0)
    arbiter.candidacy.leaves = () => {
      seen.push('released')
      return Promise.resolve('left')
    }
    await win(5n)
    expect(await result).toBe('done')
    expect(seen).toEqual(['work 5, valid true', 'released'])
  })

  it('aborts the work on a loss, waits for it, and leads again with a new token', async () => {
    const { arbiter, election, clock, win } = scripted()
    const seen: string[] = []
    const result = election.lead(async ({ signal, token }) => {
      seen.push(`work ${token}`)
      if (token === 2n) return 'second'
      await aborted(signal)
      seen.push('stopping')
      await new Promise<void>((resolve) => clock.setTimer(300, resolve))
      seen.push('stopped')
      return 'first'
    })
    await win(1n)
    arbiter.candidacy.on.ended({ reason: 'superseded' })
    await clock.advanceAsync(299)
    expect(arbiter.candidacies).toHaveLength(1)
    await clock.advanceAsync(1)
    expect(arbiter.candidacies).toHaveLength(2)
    await win(2n)
    expect(await result).toBe('second')
    expect(seen).toEqual(['work 1', 'stopping', 'stopped', 'work 2'])
  })

  it('does not take the value of work that returned because it was aborted', async () => {
    const { arbiter, election, win } = scripted()
    const result = election.lead(async ({ signal, token }) => {
      if (token === 1n) await aborted(signal)
      return token
    })
    await win(1n)
    arbiter.candidacy.on.ended({ reason: 'expired' })
    await win(2n)
    expect(await result).toBe(2n)
  })

  it('does not take the value of work that blocked the event loop past the deadline (n8n-docs#1885)', async () => {
    const { election, clock, win } = scripted()
    let finish = (): void => undefined
    const result = election.lead(async ({ token }) => {
      if (token === 1n) await new Promise<void>((resolve) => (finish = resolve))
      return token
    })
    await win(1n)
    clock.stall(5000)
    finish()
    await win(2n)
    expect(await result).toBe(2n)
  })

  it('never enters the work with a leadership that ended on the way to it, however late on the way', async () => {
    const enteredAfter = new Set<number>()
    const enteredDead: number[] = []
    for (let turns = 0; turns < 30; turns++) {
      const { arbiter, election, clock } = scripted()
      const result = election.lead((leadership) => {
        if (!leadership.isValid()) enteredDead.push(turns)
        if (leadership.token === 1n) enteredAfter.add(turns)
        return leadership.token === 1n ? aborted(leadership.signal) : undefined
      })
      await clock.advanceAsync(0)
      const { candidacy } = arbiter
      candidacy.win(1n)
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      candidacy.on.ended({ reason: 'superseded' })
      while (arbiter.candidacies.length < 2) await clock.advanceAsync(10)
      arbiter.candidacy.win(2n)
      await clock.advanceAsync(0)
      await result
    }
    expect(enteredDead).toEqual([])
    expect(enteredAfter.has(0)).toBe(false)
    expect(enteredAfter.has(29)).toBe(true)
  })

  it('waits for an arbiter that cannot be reached, and says so', async () => {
    const { arbiter, election, clock, win } = scripted()
    const away = new MandateError('BACKEND_UNAVAILABLE', 'away', {})
    arbiter.failures.push(away, away, away)
    const result = election.lead(() => 'done')
    await clock.advanceAsync(10_000)
    expect(arbiter.reports).toHaveLength(3)
    await win(1n)
    expect(await result).toBe('done')
  })

  it('rejects when the candidate is refused', async () => {
    const { arbiter, election, clock } = scripted()
    const result = election.lead(() => 'never')
    const refused = expect(result).rejects.toMatchObject({ code: 'DUPLICATE_ID' })
    await clock.advanceAsync(0)
    arbiter.candidacy.on.ended({
      reason: 'refused',
      cause: new MandateError('DUPLICATE_ID', 'twice', { id: 'me' }),
    })
    await refused
  })
})

describe('work that throws', () => {
  it('is released first, then tried again after 1 s doubling to 30 s, jittered downwards', async () => {
    const { arbiter, election, clock } = scripted()
    const controller = new AbortController()
    const failedAtMs: number[] = []
    const result = election.lead(
      () => {
        failedAtMs.push(clock.trueMs())
        throw new Error('boom')
      },
      { signal: controller.signal },
    )
    for (let attempt = 1; attempt <= 8; attempt++) {
      while (arbiter.candidacies.length < attempt) await clock.advanceAsync(10)
      arbiter.candidacy.win(BigInt(attempt))
      await clock.advanceAsync(0)
      expect(arbiter.candidacy.calls).toEqual(['leave'])
    }
    controller.abort()
    expect(await result).toBeUndefined()
    const pauses = failedAtMs.slice(1).map((at, index) => at - (failedAtMs[index] ?? 0))
    const full = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    for (const [index, ms] of pauses.entries()) {
      expect(ms).toBeGreaterThanOrEqual((full[index] ?? 0) / 2)
      expect(ms).toBeLessThanOrEqual((full[index] ?? 0) + 10)
    }
    expect(new Set(pauses).size).toBeGreaterThan(5)
  })

  it('ends lead() with its error when onError says stop; attempts are counted in a row', async () => {
    const { arbiter, election, clock, win } = scripted()
    const asked: string[] = []
    const errors = ['a', 'b', 'c'].map((message) => new Error(message))
    const result = election.lead(
      () => {
        throw errors.shift() ?? new Error('too often')
      },
      {
        onError: (error, attempt) => {
          asked.push(`${String(error)} ${attempt}, released ${arbiter.candidacy.calls.length === 1}`)
          return attempt === 3 ? 'stop' : 'retry'
        },
      },
    )
    const rejected = expect(result).rejects.toThrow('c')
    for (const token of [1n, 2n, 3n]) {
      await win(token)
      await clock.advanceAsync(4000)
    }
    await rejected
    expect(asked).toEqual([
      'Error: a 1, released true',
      'Error: b 2, released true',
      'Error: c 3, released true',
    ])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('after a loss is asked about nothing: abort errors are quiet, others are reported', async () => {
    for (const quiet of [true, false]) {
      const { arbiter, election, win } = scripted()
      const result = election.lead(
        async ({ signal, token }) => {
          if (token === 2n) return 'again'
          await aborted(signal)
          throw quiet ? signal.reason : new TypeError('a bug')
        },
        { onError: () => 'stop' },
      )
      await win(1n)
      arbiter.candidacy.on.ended({ reason: 'expired' })
      await win(2n)
      expect(await result).toBe('again')
      expect(arbiter.reports).toHaveLength(quiet ? 0 : 1)
    }
  })
})

describe('the end of lead()', () => {
  it('by its signal: aborts, keeps the lease while the work drains, releases, resolves undefined', async () => {
    const stage = new ElectionStage()
    const [a, b] = [stage.election('a'), stage.election('b')]
    const controller = new AbortController()
    const seen: string[] = []
    const first = a.lead(
      async ({ signal }) => {
        await aborted(signal)
        seen.push('a drains')
        // Three leases long: only renewals keep b out.
        await new Promise<void>((resolve) => stage.clock.setTimer(3000, resolve))
        seen.push(`a is done at ${stage.clock.trueMs()}`)
        return 'ignored'
      },
      { signal: controller.signal, drainMs: 5000 },
    )
    await stage.pass(100)
    const second = b.lead(() => {
      seen.push(`b works at ${stage.clock.trueMs()}`)
      return 'b'
    })
    await stage.pass(900)
    controller.abort()
    expect(await stage.run(first)).toBeUndefined()
    expect(await stage.run(second)).toBe('b')
    expect(seen).toEqual(['a drains', 'a is done at 4000', 'b works at 4000'])
  })

  it('by work that ignores its signal: is bounded, reported, and releases after the bound (Cilium#42920)', async () => {
    const stage = new ElectionStage()
    const controller = new AbortController()
    const result = stage
      .election('a')
      .lead(() => new Promise<never>(() => undefined), { signal: controller.signal, drainMs: 700 })
    await stage.pass(100)
    controller.abort()
    await stage.pass(699)
    expect(stage.reports).toEqual([])
    expect(await stage.run(result, 20)).toBeUndefined()
    expect(stage.reports).toMatchObject([{ error: { code: 'TIMEOUT', details: { afterMs: 700 } } }])
    const next = await stage.run(stage.election('b').campaign(), 20)
    expect(next.isValid()).toBe(true)
  })

  it('before it led: resolves undefined, and nothing stands', async () => {
    const { arbiter, election, clock } = scripted()
    const controller = new AbortController()
    const result = election.lead(() => 'never', { signal: controller.signal })
    await clock.advanceAsync(0)
    controller.abort()
    expect(await result).toBeUndefined()
    expect(arbiter.candidacy.calls).toEqual(['leave'])
    expect(await election.lead(() => 'never', { signal: controller.signal })).toBeUndefined()
  })

  it('by close(): as by its signal', async () => {
    const { arbiter, election, win } = scripted()
    let entered: Leadership | undefined
    const result = election.lead(async (leadership) => {
      entered = leadership
      await aborted(leadership.signal)
    })
    await win(1n)
    await election.close()
    expect(await result).toBeUndefined()
    expect(await entered?.lost).toBe('resigned')
    expect(arbiter.sessions).toEqual(['open', 'close'])
  })

  it('does not come by resign() inside the work, which waits for nobody: it stands again', async () => {
    const { arbiter, election, clock, win } = scripted()
    const seen: string[] = []
    const result = election.lead(async (leadership) => {
      if (leadership.token === 2n) return 'second'
      await leadership.resign()
      seen.push(`resigned, released ${arbiter.candidacy.calls.length > 0}`)
      return 'first'
    })
    await win(1n)
    expect(seen).toEqual(['resigned, released false'])
    expect(arbiter.candidacy.calls).toEqual(['leave'])
    await clock.advanceAsync(1000)
    await win(2n)
    expect(await result).toBe('second')
  })

  it('by transfer() inside the work: the successor starts after the work has settled', async () => {
    const stage = new ElectionStage()
    const [a, b] = [stage.election('a'), stage.election('b')]
    const seen: string[] = []
    const controller = new AbortController()
    let answer: Promise<string> | undefined
    const first = a.lead(
      async (leadership) => {
        await new Promise<void>((resolve) => stage.clock.setTimer(100, resolve))
        answer = leadership.transfer('b')
        await new Promise<void>((resolve) => stage.clock.setTimer(500, resolve))
        seen.push(`a settles at ${stage.clock.trueMs()}`)
      },
      { signal: controller.signal },
    )
    await stage.pass(50)
    const second = b.lead(() => void seen.push(`b works at ${stage.clock.trueMs()}`))
    await stage.pass(1000)
    controller.abort()
    await stage.run(Promise.all([first, second]))
    expect(await answer).toBe('done')
    expect(seen).toEqual(['a settles at 600', 'b works at 600'])
  })
})

describe('options of lead()', () => {
  it('are checked before anything is opened', async () => {
    const { arbiter, election } = scripted()
    const bad = [
      [undefined, {}],
      [() => 1, { drainMs: -1 }],
      [() => 1, { drainMs: Number.NaN }],
      [() => 1, { drainMs: Number.POSITIVE_INFINITY }],
      [() => 1, { drainMS: 5 }],
    ] as const
    for (const [work, options] of bad) {
      await expect(election.lead(work as never, options as never)).rejects.toMatchObject({
        code: 'INVALID_OPTIONS',
      })
    }
    expect(arbiter.sessions).toEqual([])
  })
})

describe('crash and partition', () => {
  it('a cut leader stops before its successor starts, and stands again after the heal', async () => {
    const stage = new ElectionStage()
    const backend = stage.process('a')
    const a = createElection({ name: 'billing', backend })
    const b = stage.election('b')
    const seen: string[] = []
    let working = 0
    const work = (id: string) => async (leadership: Leadership) => {
      working++
      seen.push(`${id} works, ${working} at work`)
      await aborted(leadership.signal)
      working--
    }
    const controller = new AbortController()
    const leads = [
      a.lead(work('a'), { signal: controller.signal }),
      b.lead(work('b'), { signal: controller.signal }),
    ]
    await stage.pass(2000)
    stage.space.cut(backend)
    await stage.pass(4000)
    stage.space.heal(backend)
    await stage.pass(8000)
    expect(seen).toEqual(['a works, 1 at work', 'b works, 1 at work'])
    stage.space.revoke('billing')
    await stage.pass(3000)
    expect(seen.slice(2)).toEqual(['a works, 1 at work'])
    controller.abort()
    await stage.run(Promise.all(leads))
  })
})
