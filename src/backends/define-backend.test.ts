import { describe, expect, it } from 'vitest'
import type { BackendDriver, BackgroundFailure, CandidacyEvents, Renewal, Session } from './backend.ts'
import { defineBackend } from './define-backend.ts'
import { memoryFacts } from './memory/driver.ts'
import { countingRandom } from '../testing/election-stage.ts'
import { manualClock } from '../testing/manual-clock.ts'

const TIMING = { leaseMs: 1000, maxClockDrift: 0.001, tickMs: 1 }

/** A promise and its ends. */
function gate<T>() {
  let open!: (value: T) => void
  let fail!: (error: unknown) => void
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}

function scene(change: Partial<BackendDriver> = {}) {
  const calls: string[] = []
  const reports: BackgroundFailure[] = []
  const entered: CandidacyEvents[] = []
  const session = (): Session => ({
    scope: 'test',
    enter: (_request, on) => {
      entered.push(on)
      return {
        leave: () => Promise.resolve('left'),
        transfer: () => Promise.resolve('refused'),
        proclaim: () => Promise.resolve('done'),
      }
    },
    observe: () => ({ close: () => undefined }),
    close: () => {
      calls.push('close session')
      return Promise.resolve()
    },
  })
  const backend = defineBackend(
    () => {
      calls.push('create')
      return {
        facts: memoryFacts,
        start: () => {
          calls.push('start')
          return Promise.resolve()
        },
        open: ({ candidateId, leaseMs }) => {
          calls.push(`open ${candidateId} ${leaseMs}`)
          return Promise.resolve(session())
        },
        openObserver: () => {
          calls.push('open observer')
          return Promise.resolve({
            scope: 'test',
            observe: () => ({ close: () => undefined }),
            close: () => {
              calls.push('close observer')
              return Promise.resolve()
            },
          })
        },
        close: () => {
          calls.push('stop')
          return Promise.resolve()
        },
        ...change,
      }
    },
    {
      clock: manualClock(),
      random: countingRandom(),
      timing: TIMING,
      onBackgroundFailure: (failure) => void reports.push(failure),
    },
  )
  return { backend, calls, reports, entered, session }
}

const request = (election: string) => ({ election, exclusivity: 'time', priority: 0, metadata: {} }) as const
const quiet: CandidacyEvents = {
  waiting: () => undefined,
  won: () => undefined,
  renewed: () => undefined,
  ended: () => undefined,
}

describe('a defined backend', () => {
  it('does no work before its first use, then starts once, and stops after the last', async () => {
    const { backend, calls } = scene()
    expect(calls).toEqual(['create'])
    const [session, observer] = await Promise.all([
      backend.share({ candidateId: 'a' }, {}),
      backend.shareObserver({}),
    ])
    await observer.leave()
    expect(calls).toEqual(['create', 'start', 'open a 1000', 'open observer', 'close observer'])
    await session.leave({})
    expect(calls.slice(5)).toEqual(['close session', 'stop'])
  })

  it('makes a new driver for a second life', async () => {
    const { backend, calls } = scene()
    for (let life = 1; life <= 2; life++) await (await backend.share({ candidateId: 'a' }, {})).leave({})
    const oneLife = ['create', 'start', 'open a 1000', 'close session', 'stop']
    expect(calls).toEqual([...oneLife, ...oneLife])
  })

  it('that was started by hand runs until it is closed', async () => {
    const { backend, calls } = scene()
    await Promise.all([backend.start(), backend.start()])
    await (await backend.share({ candidateId: 'a' }, {})).leave({})
    expect(calls).not.toContain('stop')
    await Promise.all([backend.close(), backend.close()])
    expect(calls.filter((call) => call === 'start' || call === 'stop')).toEqual(['start', 'stop'])
  })

  it('tries a failed start again with the next use', async () => {
    let attempts = 0
    const { backend } = scene({
      start: () => {
        attempts++
        return attempts === 1 ? Promise.reject(new Error('port in use')) : Promise.resolve()
      },
    })
    const both = [backend.share({ candidateId: 'a' }, {}), backend.start()]
    for (const each of both) await expect(each).rejects.toThrow('port in use')
    await backend.start()
    expect(attempts).toBe(2)
  })

  it('gives candidates without an id one of their own, the same for all elections on it', () => {
    const { backend } = scene()
    expect(backend.defaultCandidateId).toMatch(/^.+-[0-9a-f]{16}$/)
    expect(scene().backend.defaultCandidateId).toBe(backend.defaultCandidateId)
  })

  it('survives a listener for background failures that throws', async () => {
    const warnings: string[] = []
    const heard = (warning: Error): void => void warnings.push(warning.message)
    process.on('warning', heard)
    const backend = defineBackend(() => ({ facts: memoryFacts }) as BackendDriver, {
      timing: TIMING,
      onBackgroundFailure: () => {
        throw new Error('a bug of the listener')
      },
    })
    expect(() => backend.env.report({ during: 'renewal', error: 'x' })).not.toThrow()
    await new Promise((resolve) => process.nextTick(resolve))
    process.removeListener('warning', heard)
    expect(warnings).toEqual(['onBackgroundFailure: a bug of the listener'])
  })
})

describe('sessions', () => {
  it('listen to a driver that tells renewals as a whole once, whoever else listens', async () => {
    const listeners: ((renewal: Renewal) => void)[] = []
    const { backend, session } = scene({
      open: () => Promise.resolve({ ...session(), onRenewed: (told) => void listeners.push(told) }),
    })
    const { session: shared } = await backend.share({ candidateId: 'a' }, {})
    const heard: string[] = []
    shared.onRenewed?.(({ grantedMs }) => void heard.push(`one ${grantedMs}`))
    shared.onRenewed?.(({ grantedMs }) => void heard.push(`two ${grantedMs}`))
    expect(listeners).toHaveLength(1)
    listeners[0]?.({ sentAt: backend.env.clock.upper(), grantedMs: 7 })
    expect(heard).toEqual(['one 7', 'two 7'])
  })

  it('offer no such listening where the driver does not', async () => {
    const { backend } = scene()
    expect((await backend.share({ candidateId: 'a' }, {})).session.onRenewed).toBeUndefined()
  })

  it('are shared by candidate and lease: one open for all who ask at once, closed with the last', async () => {
    const { backend, calls } = scene()
    const shares = await Promise.all([
      backend.share({ candidateId: 'a' }, {}),
      backend.share({ candidateId: 'a', leaseMs: 1000 }, {}),
      backend.share({ candidateId: 'a', leaseMs: 5000 }, {}),
      backend.share({ candidateId: 'b' }, {}),
    ])
    expect(calls.slice(2)).toEqual(['open a 1000', 'open a 5000', 'open b 1000'])
    expect(shares[0].session).toBe(shares[1].session)
    await shares[0].leave({})
    await shares[0].leave({})
    expect(calls).not.toContain('close session')
    await shares[1].leave({})
    expect(calls.filter((call) => call === 'close session')).toHaveLength(1)
  })

  it('open on for the others when one who waits gives up', async () => {
    const opened = gate<Session>()
    let aborted = false
    const { backend, session } = scene({
      open: (_request, { signal }) => {
        signal?.addEventListener('abort', () => (aborted = true))
        return opened.promise
      },
    })
    const controller = new AbortController()
    const first = backend.share({ candidateId: 'a' }, { signal: controller.signal })
    const second = backend.share({ candidateId: 'a' }, {})
    await Promise.resolve()
    controller.abort()
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(aborted).toBe(false)
    opened.open(session())
    expect((await second).session.scope).toBe('test')
  })

  it('are aborted when all who waited have given up, and closed if they come all the same', async () => {
    const opened = gate<Session>()
    let aborted = false
    const { backend, calls, session } = scene({
      open: (_request, { signal }) => {
        signal?.addEventListener('abort', () => (aborted = true))
        return opened.promise
      },
    })
    await backend.start()
    const controller = new AbortController()
    const share = backend.share({ candidateId: 'a' }, { signal: controller.signal })
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    controller.abort()
    await expect(share).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(aborted).toBe(true)
    opened.open(session())
    await backend.close()
    expect(calls.slice(2)).toEqual(['close session', 'stop'])
  })

  it('that failed to open are opened anew by the next who asks', async () => {
    const failures = [new Error('away')]
    const { backend, session } = scene({
      open: () => (failures.length > 0 ? Promise.reject(failures.pop() ?? 'x') : Promise.resolve(session())),
    })
    await expect(backend.share({ candidateId: 'a' }, {})).rejects.toThrow('away')
    expect((await backend.share({ candidateId: 'a' }, {})).session.scope).toBe('test')
  })

  it('that were lost are replaced for the next who asks, and closed with their last share', async () => {
    const { backend, calls, entered } = scene()
    const old = await backend.share({ candidateId: 'a' }, {})
    old.session.enter(request('x'), quiet)
    entered[0]?.ended({ reason: 'session-lost' })
    const fresh = await backend.share({ candidateId: 'a' }, {})
    expect(fresh.session).not.toBe(old.session)
    expect(calls).not.toContain('close session')
    await old.leave({})
    expect(calls.filter((call) => call === 'close session')).toHaveLength(1)
    await fresh.leave({})
    expect(calls.slice(-2)).toEqual(['close session', 'stop'])
  })

  it('wait for the end of the one before: an arbiter would call them a duplicate', async () => {
    const closed = gate<void>()
    const opens: string[] = []
    const { backend, session } = scene({
      open: () => {
        opens.push('open')
        return Promise.resolve({ ...session(), close: () => closed.promise })
      },
    })
    const leaving = (await backend.share({ candidateId: 'a' }, {})).leave({})
    const next = backend.share({ candidateId: 'a' }, {})
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    expect(opens).toHaveLength(1)
    closed.open()
    await leaving
    await next
    expect(opens).toHaveLength(2)
  })

  it('stand at most once in an election; a late leave() of an old candidacy does not end a new one', async () => {
    const { backend, entered } = scene()
    const { session } = await backend.share({ candidateId: 'a' }, {})
    const ends: unknown[] = []
    const on = { ...quiet, ended: (end: unknown) => void ends.push(end) }
    const first = session.enter(request('x'), { ...quiet })
    session.enter(request('x'), on)
    await Promise.resolve()
    expect(ends).toMatchObject([{ reason: 'refused', cause: { code: 'DUPLICATE_ID' } }])
    entered[0]?.ended({ reason: 'expired' })
    session.enter(request('x'), { ...quiet })
    await first.leave({})
    session.enter(request('x'), on)
    await Promise.resolve()
    expect(ends).toHaveLength(2)
  })

  it.each([
    ['INVALID_NAME', { election: 'a\nb' }],
    ['INVALID_OPTIONS', { exclusivity: 'neither' as never }],
    ['INVALID_OPTIONS', { priority: 0.5 }],
    ['LIMIT_EXCEEDED', { metadata: { a: 'x'.repeat(5000) } }],
  ])('refuse with %s what is outside the facts, before the driver sees it', async (code, wish) => {
    const { backend, entered } = scene()
    const { session } = await backend.share({ candidateId: 'a' }, {})
    const ends: unknown[] = []
    session.enter({ ...request('x'), ...wish }, { ...quiet, ended: (end) => void ends.push(end) })
    expect(ends).toEqual([])
    await Promise.resolve()
    expect(ends).toMatchObject([{ reason: 'refused', cause: { code } }])
    expect(entered).toHaveLength(0)
  })
})

describe('close()', () => {
  it('calls what stands on the backend first, then ends sessions, observer and driver', async () => {
    const { backend, calls } = scene()
    const drained = gate<void>()
    const beforeClose = () => {
      calls.push('before')
      return drained.promise
    }
    await backend.share({ candidateId: 'a' }, { beforeClose })
    await backend.shareObserver({})
    const closing = backend.close()
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    expect(calls.at(-1)).toBe('before')
    drained.open()
    await closing
    expect(calls.slice(-3)).toEqual(['close session', 'close observer', 'stop'])
    for (const later of [
      backend.start(),
      backend.share({ candidateId: 'a' }, {}),
      backend.shareObserver({}),
    ]) {
      await expect(later).rejects.toMatchObject({ code: 'CLOSED' })
    }
  })

  it('while something opens: whoever waits is told CLOSED, and what comes late is closed', async () => {
    const opened = gate<Session>()
    const { backend, calls, session } = scene({ open: () => opened.promise })
    const share = backend.share({ candidateId: 'a' }, {})
    const refused = expect(share).rejects.toMatchObject({ code: 'CLOSED' })
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    const closing = backend.close()
    opened.open(session())
    await closing
    await refused
    expect(calls.slice(-2)).toEqual(['close session', 'stop'])
  })

  it('settles when parts of it fail, and reports them', async () => {
    const { backend, reports, session } = scene({
      open: () => Promise.resolve({ ...session(), close: () => Promise.reject(new Error('session')) }),
      close: () => Promise.reject(new Error('driver')),
    })
    await backend.share({ candidateId: 'a' }, { beforeClose: () => Promise.reject(new Error('election')) })
    await backend.close()
    expect(new Set(reports.map((report) => report.during))).toEqual(
      new Set(['close of an election', 'close of a session', 'close of the backend']),
    )
  })
})

describe('releaseSession()', () => {
  it('is there only where the driver has it, and uses the running driver', async () => {
    expect(scene().backend.releaseSession).toBeUndefined()
    const released: string[] = []
    const { backend, calls } = scene({
      releaseSession: ({ session }) => {
        released.push(session)
        return Promise.resolve('released')
      },
    })
    expect(await backend.releaseSession?.({ session: 's1' }, {})).toBe('released')
    expect(released).toEqual(['s1'])
    expect(calls).toEqual(['create', 'start', 'stop'])
  })
})
