import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { segmentFolder } from './segment-folder.ts'
import { segmentedFile } from './segmented-file.ts'
import type { AppendResult, SegmentedFile, SegmentWriter } from './segmented-file.ts'
import { MemorySegments } from './testing/memory-segments.ts'

let folder: string
let ledger: SegmentedFile
const writers: SegmentWriter[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-ledger-'))
  ledger = segmentedFile(folder)
})
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.close()))
  rmSync(folder, { recursive: true, force: true })
})

const pathOf = (token: bigint): string => segmentFolder(folder, 'never').pathOf(token)

async function opened(token: bigint): Promise<SegmentWriter> {
  const result = await ledger.open(token)
  if (result.is !== 'opened') throw new Error(`token ${token} was refused by ${result.by}`)
  writers.push(result.writer)
  return result.writer
}

async function textsOf(from: SegmentedFile): Promise<string[]> {
  return (await from.read()).lines.map(({ number, token, text }) => `${number}:${token}:${text}`)
}

describe('a ledger of segments', () => {
  it('is empty before anybody wrote', async () => {
    expect(await ledger.read()).toEqual({ lines: [], settled: true, ignored: 0 })
  })

  it('begins no new ledger where its folder is missing', async () => {
    rmSync(folder, { recursive: true })
    const missing = { code: 'INVALID_OPTIONS', message: expect.stringContaining(`${folder} does not exist`) }
    await expect(ledger.open(1n)).rejects.toMatchObject(missing)
    await expect(ledger.read()).rejects.toMatchObject(missing)
    writeFileSync(folder, '')
    const noFolder = { code: 'INVALID_OPTIONS', message: expect.stringContaining('is no folder') }
    await expect(ledger.open(1n)).rejects.toMatchObject(noFolder)
  })

  it('goes on counting where the sealed segment ends', async () => {
    const first = await opened(3n)
    await first.append('one')
    await first.append('two')
    const second = await opened(7n)
    expect(await second.append('three')).toEqual({ is: 'appended', number: 3 })
    expect(await textsOf(ledger)).toEqual(['1:3:one', '2:3:two', '3:7:three'])
  })

  it('takes appends in the order of the calls, without waiting for each', async () => {
    const writer = await opened(1n)
    const results = await Promise.all(['a', 'b', 'c'].map((text) => writer.append(text)))
    expect(results).toEqual([1, 2, 3].map((number) => ({ is: 'appended', number })))
    expect(await textsOf(ledger)).toEqual(['1:1:a', '2:1:b', '3:1:c'])
  })

  it('refuses a writer whose segment was sealed, and leaves its bytes out of the file', async () => {
    const stale = await opened(3n)
    await stale.append('one')
    const before = readFileSync(pathOf(3n))
    await opened(7n)
    expect(await stale.append('late')).toEqual({ is: 'refused', by: 7n })
    expect(readFileSync(pathOf(3n))).toEqual(before)
  })

  it('ignores what a stale writer wrote where it could not see the seal', async () => {
    const stale = await opened(3n)
    await stale.append('one')
    const line = readFileSync(pathOf(3n)).subarray(-'cccccccc 1 one\n'.length)
    await opened(7n)
    appendFileSync(pathOf(3n), line)
    expect(await ledger.read()).toMatchObject({ lines: [{ number: 1, text: 'one' }], ignored: 1 })
    const next = await opened(9n)
    expect(await next.append('two')).toEqual({ is: 'appended', number: 2 })
  })

  it('refuses a token below one that was opened, and the same token twice', async () => {
    await opened(7n)
    expect(await ledger.open(3n)).toEqual({ is: 'refused', by: 7n })
    expect(await ledger.open(7n)).toEqual({ is: 'refused', by: 7n })
  })

  it('compares tokens as numbers, beyond what a name or a double can order', async () => {
    const first = await opened(2n ** 64n)
    await first.append('one')
    const second = await opened(2n ** 64n + 1n)
    expect(await second.append('two')).toEqual({ is: 'appended', number: 2 })
    expect((await ledger.open(9n)).is).toBe('refused')
  })

  it('drops a line that was cut off, at every length it can have', async () => {
    const writer = await opened(3n)
    await writer.append('one')
    const whole = readFileSync(pathOf(3n)).length
    await writer.append('two')
    const both = readFileSync(pathOf(3n))
    for (let length = both.length - 1; length >= whole; length--) {
      truncateSync(pathOf(3n), length)
      expect(await textsOf(ledger)).toEqual(['1:3:one'])
    }
    const next = await opened(4n)
    expect(await next.append('again')).toEqual({ is: 'appended', number: 2 })
  })

  it('takes a leader that died at any point of sealing for one that never led', async () => {
    const first = await opened(3n)
    await first.append('one')
    await opened(5n)
    const seal = readFileSync(pathOf(5n))
    for (let length = 0; length < seal.length; length++) {
      writeFileSync(pathOf(5n), seal.subarray(0, length))
      expect(await ledger.read()).toMatchObject({ lines: [{ number: 1 }], settled: false })
    }
    const next = await opened(6n)
    expect(await next.append('two')).toEqual({ is: 'appended', number: 2 })
    expect(await ledger.read()).toMatchObject({ settled: true, ignored: 0 })
  })

  it('says so when a sealed line was damaged, and names the file', async () => {
    const first = await opened(3n)
    await first.append('one')
    await opened(5n)
    const bytes = readFileSync(pathOf(3n))
    bytes[bytes.length - 2]! ^= 1
    writeFileSync(pathOf(3n), bytes)
    await expect(ledger.read()).rejects.toMatchObject({
      code: 'DATA_CORRUPT',
      details: { file: pathOf(3n) },
    })
  })

  it('does not mistake other files for segments', async () => {
    writeFileSync(join(folder, '99.segment'), 'not padded')
    writeFileSync(join(folder, 'notes.txt'), 'nothing of ours')
    const writer = await opened(3n)
    expect((await writer.append('one')).is).toBe('appended')
  })

  it('takes back nothing after a write failed: the file holds who knows what', async () => {
    const segments = new MemorySegments()
    const result = await segmentedFile('memory', { segments }).open(1n)
    if (result.is !== 'opened') throw new Error('refused')
    segments.failWrites = true
    await expect(result.writer.append('one')).rejects.toThrow('no space')
    segments.failWrites = false
    await expect(result.writer.append('other')).rejects.toThrow('no space')
  })

  it.each([
    ['a line break', 'two\nlines'],
    ['too many bytes', 'x'.repeat(65_537)],
  ])('refuses a text with %s', async (_, text) => {
    const writer = await opened(1n)
    await expect(writer.append(text)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  })

  it('refuses a token that no leadership has', async () => {
    await expect(ledger.open(0n)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await expect(ledger.open(5 as never)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  })

  it('refuses appends after close, and bounds how many may wait', async () => {
    ledger = segmentedFile(folder, { sync: 'never' })
    const writer = await opened(1n)
    const appends = Array.from({ length: 1024 }, () => writer.append('x'))
    await expect(writer.append('one too many')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    await Promise.all(appends)
    await writer.close()
    await expect(writer.append('late')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

/** Stops before the effect number `count` of this kind until `resume`. */
function pausedBefore(segments: MemorySegments, effect: string, count: number) {
  let resume = (): void => undefined
  let reached = (): void => undefined
  const resumed = new Promise<void>((resolve) => (resume = resolve))
  const paused = new Promise<void>((resolve) => (reached = resolve))
  segments.before = (next) => {
    if (next !== effect || --count !== 0) return
    reached()
    return resumed
  }
  return { paused, resume: () => resume() }
}

describe('races, written down', () => {
  const segments = () => {
    const mine = new MemorySegments()
    const others = mine.atRest()
    return {
      mine,
      stale: segmentedFile('', { segments: mine }),
      other: segmentedFile('', { segments: others }),
    }
  }

  it('refuses the line of a writer that looked, was paused, and wrote behind the seal', async () => {
    const { mine, stale, other } = segments()
    const first = await stale.open(1n)
    if (first.is !== 'opened') throw new Error('refused')
    const pause = pausedBefore(mine, 'write', 1)
    const writing = first.writer.append('late')
    await pause.paused
    const second = await other.open(2n)
    pause.resume()
    expect(await writing).toEqual({ is: 'refused', by: 2n })
    if (second.is !== 'opened') throw new Error('refused')
    expect(await second.writer.append('next')).toEqual({ is: 'appended', number: 1 })
    expect(await other.read()).toMatchObject({ lines: [{ text: 'next' }], ignored: 1 })
  })

  it('confirms the line of a writer that was paused between its write and its look, if the seal counts it', async () => {
    const { mine, stale, other } = segments()
    const first = await stale.open(1n)
    if (first.is !== 'opened') throw new Error('refused')
    const pause = pausedBefore(mine, 'tokens', 2)
    const writing = first.writer.append('in time')
    await pause.paused
    await other.open(2n)
    pause.resume()
    expect(await writing).toEqual({ is: 'appended', number: 1 })
    expect(await other.read()).toMatchObject({ lines: [{ text: 'in time' }], ignored: 0 })
  })

  it('says that it does not know while the next leader measures', async () => {
    const { mine, stale, other } = segments()
    const first = await stale.open(1n)
    if (first.is !== 'opened') throw new Error('refused')
    const writer = pausedBefore(mine, 'write', 1)
    const writing = first.writer.append('in doubt')
    await writer.paused
    const measuring = mine.atRest()
    const leader = pausedBefore(measuring, 'read', 1)
    const opening = segmentedFile('', { segments: measuring }).open(2n)
    await leader.paused
    writer.resume()
    expect(await writing).toEqual({ is: 'unknown', by: 2n })
    expect(await other.read()).toMatchObject({ settled: false })
    leader.resume()
    await opening
    expect(await other.read()).toMatchObject({ settled: true, lines: [{ text: 'in doubt' }] })
  })

  it('refuses to open for a leader that was overtaken while it sealed', async () => {
    const { mine, stale, other } = segments()
    const pause = pausedBefore(mine, 'write', 1)
    const opening = stale.open(1n)
    await pause.paused
    expect(await other.open(2n)).toMatchObject({ is: 'opened' })
    pause.resume()
    expect(await opening).toEqual({ is: 'refused', by: 2n })
  })
})

/** One leader of the random histories: opens, appends, and may be killed before any effect on the folder. */
interface Actor {
  readonly token: bigint
  readonly lines: number
  /** Effects of others, about, before it starts. */
  readonly delay: number
  /** Effects on the folder until it is killed. */
  readonly lives: number
}

interface History {
  readonly confirmed: string[]
  readonly refused: string[]
}

/** Goes on after a refusal, as a leader that ignores it would. */
async function act(actor: Actor, segments: MemorySegments, history: History): Promise<void> {
  for (let effect = 0; effect < actor.delay; effect++) await segments.tokens()
  const result = await segmentedFile('memory', { segments: segments.usedBy(actor.lives) }).open(actor.token)
  if (result.is !== 'opened') return
  for (let count = 0; count < actor.lines; count++) {
    const text = `${actor.token}/${count}`
    note(await result.writer.append(text), actor.token, text, history)
  }
}

function note(result: AppendResult, token: bigint, text: string, history: History): void {
  if (result.is === 'appended') history.confirmed.push(`${result.number}:${token}:${text}`)
  if (result.is === 'refused') history.refused.push(text)
}

const actors = fc
  .uniqueArray(
    fc.record({
      token: fc.bigInt(1n, 9n),
      lines: fc.integer({ min: 1, max: 5 }),
      delay: fc.integer({ min: 0, max: 16 }),
      lives: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 14 })),
    }),
    { minLength: 2, maxLength: 4, selector: ({ token }) => token },
  )
  .map((list): readonly Actor[] => list)

describe('in any order of effects, with leaders killed between any two', () => {
  it('keeps every confirmed line, no refused one, and numbers without gap or double', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), actors, async (scheduler, cast) => {
        const segments = new MemorySegments(scheduler)
        const history: History = { confirmed: [], refused: [] }
        const snapshots: string[][] = []
        const reader = segmentedFile('memory', { segments: segments.usedBy(Number.POSITIVE_INFINITY) })
        const read = async (): Promise<void> => {
          const confirmed = [...history.confirmed]
          const { lines, settled } = await reader.read()
          const seen = lines.map(({ number, token, text }) => `${number}:${token}:${text}`)
          expect(seen).toEqual(expect.arrayContaining(confirmed))
          if (settled) snapshots.push(seen)
        }
        for (const actor of cast) void act(actor, segments, history)
        const reading = read().then(read)
        await scheduler.waitIdle()
        await reading
        // Somebody leads in the end, and says by its seal what counts.
        const after = segmentedFile('memory', { segments: segments.atRest() })
        expect(await after.open(10n)).toMatchObject({ is: 'opened' })
        const { lines, settled } = await after.read()
        const texts = lines.map(({ number, token, text }) => `${number}:${token}:${text}`)
        expect(settled).toBe(true)
        expect(lines.map(({ number }) => number)).toEqual(lines.map((_, index) => index + 1))
        expect(texts).toEqual(expect.arrayContaining(history.confirmed))
        for (const text of history.refused) expect(lines.map((line) => line.text)).not.toContain(text)
        for (const seen of snapshots) expect(texts.slice(0, seen.length)).toEqual(seen)
        expect(lines.map(({ token }) => token)).toEqual(lines.map(({ token }) => token).toSorted(ascending))
      }),
      { numRuns: 400, plugins: [fc.interruptAfterTimeLimit(1500)] },
    )
  })
})

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b)
}
