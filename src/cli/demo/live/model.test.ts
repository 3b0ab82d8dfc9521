import { describe, expect, it } from 'vitest'
import { advice, intentOf, keysIn } from './keys.ts'
import { begin, inMs, update } from './model.ts'
import type { Input, State } from './state.ts'
import type { Happening } from '../event-log.ts'
import { resolveTiming } from '../../../lease/timing.ts'

const about = { startedAt: 0, exclusivity: 'time', preset: 'fast', timing: resolveTiming('fast') } as const
const fresh = (): State =>
  ['a', 'b', 'c']
    .flatMap((id) => [started(id, 0), by(id, 1, { event: 'ready' })])
    .reduce(update, begin(about, ['a', 'b', 'c']))
const on = (state: State, ...inputs: readonly Input[]): State => inputs.reduce(update, state)
const play = (...inputs: readonly Input[]): State => on(fresh(), ...inputs)

const by = (id: string, at: number, happening: Happening, pid = 1): Input => ({
  is: 'happened',
  event: { at, pid, id, ...happening },
})
const leads = (id: string, token: string, at: number): Input => by(id, at, { event: 'leads', token })
const lost = (id: string, token: string, at: number): Input =>
  by(id, at, { event: 'lost', token, reason: 'expired', valid: null })
const wrote = (id: string, token: string, number: number): Input =>
  by(id, number, { event: 'wrote', token, number, valid: null })
const signal = (id: string, name: NodeJS.Signals, at: number): Input =>
  by(id, at, { event: 'signal', signal: name, token: null })
const started = (id: string, at: number, pid = 1): Input => by(id, at, { event: 'started' }, pid)
const exited = (id: string, at: number): Input =>
  by(id, at, { event: 'exited', code: null, signal: 'SIGKILL', stderr: '' })

describe('what the live demo knows', () => {
  it('measures a takeover from what was done to the leader, not from what others went through', () => {
    const state = play(leads('a', '3', 10), signal('b', 'SIGKILL', 20), signal('a', 'SIGKILL', 100))
    expect(state.pending).toMatchObject({ from: 'a', cause: 'kill -9 of a', at: 100 })
    const next = on(state, exited('a', 101), leads('b', '7', 287.2))
    expect(next.takeovers).toEqual([
      { cause: 'kill -9 of a', from: 'a', fromToken: '3', to: 'b', toToken: '7', ms: 187.2, at: 287.2 },
    ])
    expect(next.pending).toBeNull()
    expect(next.leader).toEqual({ id: 'b', token: '7', since: 287.2 })
  })

  it('takes the first cause for the cause: a cut leader loses its lease because it was cut off', () => {
    const state = play(leads('a', '3', 10), { is: 'cut', id: 'a', at: 50 }, lost('a', '3', 190))
    expect(state.pending).toMatchObject({ cause: 'cutting a off', at: 50 })
  })

  it('does not take the late regret of an old leader for the loss of the new one', () => {
    const state = play(
      leads('a', '3', 10),
      signal('a', 'SIGSTOP', 20),
      leads('b', '5', 200),
      lost('a', '3', 300),
    )
    expect(state.leader?.id).toBe('b')
    expect(state.pending).toBeNull()
  })

  it('tells an expired lease of a lost majority from that of a busy machine', () => {
    const led = play(leads('a', '3', 10))
    const because = (...inputs: readonly Input[]) => on(led, ...inputs, lost('a', '3', 200)).log.at(-1)?.text
    expect(because()).toMatch(/expired, because this machine is busy$/)
    expect(because(signal('a', 'SIGSTOP', 20), signal('a', 'SIGCONT', 90))).toMatch(/expired$/)
    expect(because(signal('b', 'SIGSTOP', 20), { is: 'cut', id: 'c', at: 30 })).toMatch(/want of a majority$/)
  })

  it('sees a death that was not its own doing', () => {
    const state = play(leads('a', '3', 10), exited('a', 70))
    expect(state.pending).toMatchObject({ cause: 'the death of a', at: 70 })
    expect(state.peers[0]).toMatchObject({ life: 'dead', token: null })
    expect(state.log.at(-1)?.text).toBe('a died (SIGKILL)')
  })

  it('keeps the old process of a peer apart from the new one', () => {
    const state = play(exited('a', 70), { is: 'starting', id: 'a', at: 80 })
    const ready = by('a', 95, { event: 'ready' }, 99)
    expect(on(state, started('a', 90, 99), ready, exited('a', 96)).peers[0]).toMatchObject({
      life: 'running',
      pid: 99,
    })
  })

  it('counts refused writes, in all and for each peer', () => {
    const state = play(by('a', 1, { event: 'refused', token: '3', by: '5', believed: false }))
    expect(state.refused).toBe(1)
    expect(state.peers.map((peer) => peer.refused)).toEqual([1, 0, 0])
  })

  it('joins the stretches of the ledger: a line that nobody lived to confirm belongs to who was killed', () => {
    const state = play(wrote('a', '3', 1), wrote('a', '3', 2), wrote('b', '5', 4), wrote('b', '5', 5))
    expect(state.stretches).toEqual([
      { id: 'a', token: '3', first: 1, last: 3 },
      { id: 'b', token: '5', first: 4, last: 5 },
    ])
    expect({ missing: state.missing, twice: state.twice }).toEqual({ missing: 0, twice: 0 })
  })

  it('sees a number that came twice, and one that its writer left out', () => {
    const state = play(wrote('a', '3', 1), wrote('b', '5', 1), wrote('a', '3', 3))
    expect({ missing: state.missing, twice: state.twice }).toEqual({ missing: 1, twice: 1 })
  })

  it('keeps the screen from what a dying process may have said', () => {
    const last = by('a', 5, { event: 'exited', code: 1, signal: null, stderr: 'line one\n\u001b[2Jend\n' })
    expect(play(last).log.at(-1)?.text).toBe('a died (code 1): [2Jend')
  })

  it('changes nothing that was given to it', () => {
    const state = fresh()
    const before = JSON.stringify(state)
    update(state, leads('a', '3', 10))
    expect(JSON.stringify(state)).toBe(before)
  })

  it('says short times with a digit more', () => {
    expect([inMs(8.66), inMs(99.94), inMs(187.2)]).toEqual(['8.7 ms', '99.9 ms', '187 ms'])
  })
})

describe('what a key means', () => {
  it('acts on the leader until a peer is chosen, and again after Esc', () => {
    const led = play(leads('b', '3', 10))
    expect(intentOf('k', led)).toEqual({ do: 'kill', id: 'b' })
    expect(intentOf('1', led)).toEqual({ do: 'choose', id: 'a' })
    const chosen = on(led, { is: 'chose', id: 'a' })
    expect(intentOf('P', chosen)).toEqual({ do: 'pause', id: 'a' })
    expect(intentOf('\u001b', chosen)).toEqual({ do: 'choose', id: null })
  })

  it('mends what there is to mend, whoever is chosen', () => {
    const state = play(
      leads('a', '3', 10),
      signal('b', 'SIGSTOP', 20),
      { is: 'cut', id: 'c', at: 30 },
      exited('a', 40),
    )
    expect(intentOf('c', state)).toEqual({ do: 'continue', id: 'b' })
    expect(intentOf('h', state)).toEqual({ do: 'heal', id: 'c' })
    expect(intentOf('r', state)).toEqual({ do: 'restart', id: 'a' })
  })

  it.each([
    ['k', 'nobody leads'],
    ['r', 'nobody is dead'],
    ['c', 'nobody is paused'],
    ['h', 'nobody is cut off'],
    ['5', 'there is no peer 5'],
  ])('%s without anything to do says why: %s', (key, why) => {
    expect(intentOf(key, fresh())).toMatchObject({ do: 'say', text: expect.stringContaining(why) as string })
  })

  it('quits by q and by Ctrl-C, also from the help, which any other key closes', () => {
    const help = play({ is: 'help', open: true })
    expect(['q', '\u0003'].map((key) => intentOf(key, help).do)).toEqual(['quit', 'quit'])
    expect(intentOf('k', help)).toEqual({ do: 'help', open: false })
  })

  it('takes an escape sequence for one key that means nothing', () => {
    expect(keysIn('k\u001b[A\u001bOPx\u001b')).toEqual(['k', '\u001b[A', '\u001bOP', 'x', '\u001b'])
    expect(intentOf('\u001b[A', fresh())).toEqual({ do: 'nothing' })
  })
})

describe('the advice', () => {
  it('leads through everything, and mends before it breaks something else', () => {
    const led = play(leads('a', '3', 10))
    expect(advice(led)).toMatch(/^Press k/)
    const killed = on(led, signal('a', 'SIGKILL', 20), exited('a', 21))
    expect(advice(killed)).toMatch(/^Press r/)
    const two = on(killed, leads('b', '5', 90), signal('c', 'SIGSTOP', 99))
    expect(advice(two)).toBe('No majority, so nobody may lead. Press c.')
  })
})
