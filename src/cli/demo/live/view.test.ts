import { describe, expect, it } from 'vitest'
import { resolveTiming } from '../../../lease/timing.ts'
import type { Happening } from '../event-log.ts'
import { glyphsFor } from './glyphs.ts'
import { paint, plain, widthOf } from './line.ts'
import { begin, update } from './model.ts'
import type { Input, State } from './state.ts'
import { canGoLive } from './screen.ts'
import { draw } from './view.ts'

const glyphs = glyphsFor({ LANG: 'C.UTF-8' })
const about = {
  startedAt: 0,
  exclusivity: 'time',
  preset: 'default',
  timing: resolveTiming('default'),
} as const

const by = (id: string, at: number, happening: Happening): Input => ({
  is: 'happened',
  event: { at, pid: 4_194_300 + 'abcde'.indexOf(id), id, ...happening },
})
const view = (role: 'leader' | 'follower', leader: string, token: string) => ({
  role,
  term: 12,
  leader,
  token,
})

function played(ids: readonly string[], ...inputs: readonly Input[]): State {
  const starts = ids.flatMap((id) => [by(id, 100, { event: 'started' }), by(id, 200, { event: 'ready' })])
  return [...starts, ...inputs].reduce(update, begin(about, ids))
}

/** Killed, and taken over; then paused, so that another leads; and the old one has not noticed. */
const story: readonly Input[] = [
  by('a', 1000, { event: 'leads', token: '3' }),
  by('a', 1100, { event: 'wrote', token: '3', number: 1284, valid: null }),
  by('a', 2000, { event: 'signal', signal: 'SIGKILL', token: '3' }),
  by('a', 2001, { event: 'exited', code: null, signal: 'SIGKILL', stderr: '' }),
  by('b', 3012.4, { event: 'leads', token: '9' }),
  by('b', 3100, { event: 'wrote', token: '9', number: 1300, valid: null }),
  by('b', 3150, { event: 'remaining', token: '9', ms: 905 }),
  {
    is: 'viewed',
    views: new Map([
      ['b', view('leader', 'b', '9')],
      ['c', view('follower', 'b', '9')],
    ]),
  },
]

const screen = (state: State, now: number, columns = 80, rows = 24): string[] =>
  draw(state, { now, columns, rows, glyphs }).map((line) => plain(line).trimEnd())

describe('the screen of 80 columns and 24 rows', () => {
  it('shows a takeover in big digits for a moment', () => {
    expect(screen(played(['a', 'b', 'c'], ...story), 3200).join('\n')).toMatchInlineSnapshot(`
      " MANDATE  3 peers, exclusivity time, timing default (lease 1000 ms)        0:03
       b LEADS with token 9, for 0.2 s

        peer pid     role       Raft       term  leader  token  deadline       refused
        1 a  4194300 ✗ dead                           -      -                       0
       >2 b  4194301 ★ LEADS    L leads      12       b      9  █████░  855 ms       0
        3 c  4194302 · waits    F follows    12       b      9                       0

       ledger  line 1,300 written by b with token 9     0 missing, 0 twice, 0 refused
               a 1-1,299 → b 1,300

          █   ████    █   ████
         ██   █  █   ██      █              ███    b took over from a
          █   █  █    █   ████      █████  ██      after kill -9 of a
          █   █  █    █   █         █ █ █    ██    token 3 → 9
         ███  ████   ███  ████      █ █ █  ███
       Press r: a starts again, with the log it had.
          0.20  a listens
          0.20  b listens
          0.20  c listens
          1.00  a LEADS with token 3
          2.00  kill -9 a
          3.01  b LEADS with token 9, 1012 ms after kill -9 of a
       k kill p pause c go on r restart g resign x cut h heal 1-3 peer ? help q quit"
    `)
  })

  it('shows the takeovers as a list after that, and a paused leader whose lease is past', () => {
    const paused = played(
      ['a', 'b', 'c'],
      ...story,
      by('b', 9000, { event: 'signal', signal: 'SIGSTOP', token: '9' }),
      by('c', 10_500, { event: 'leads', token: '14' }),
      { is: 'cut', id: 'c', at: 10_600 },
      { is: 'chose', id: 'b' },
    )
    expect(screen(paused, 15_000).join('\n')).toMatchInlineSnapshot(`
      " MANDATE  3 peers, exclusivity time, timing default (lease 1000 ms)        0:15
       NO NEW LEADER YET, 4.4 s after cutting c off

        peer pid     role       Raft       term  leader  token  deadline       refused
        1 a  4194300 ✗ dead                           -      -                       0
       »2 b  4194301 ‖ paused   L leads      12       b      9  ░░░░░░    past       0
        3 c  4194302 ≠ CUT OFF  F follows    12       b     14  ░░░░░░    past       0

       ledger  line 1,300 written by b with token 9     0 missing, 0 twice, 0 refused
               a 1-1,299 → b 1,300

       takeovers
       b → c 1500.0 ms   pausing b      token 9 → 14
       a → b 1012.4 ms   kill -9 of a   token 3 → 9


       No majority, so nobody may lead. Press c.
          1.00  a LEADS with token 3
          2.00  kill -9 a
          3.01  b LEADS with token 9, 1012 ms after kill -9 of a
          9.00  pause b (SIGSTOP)
         10.50  c LEADS with token 14, 1500 ms after pausing b
         10.60  cut c off: nothing passes to it, nor from it
       k kill p pause c go on r restart g resign x cut h heal 1-3 peer ? help q quit"
    `)
  })

  it('says at first what this is, and what to press', () => {
    const start = screen(played(['a', 'b', 'c'], ...story.slice(0, 2)), 1200).join('\n')
    expect(start).toContain('These processes are real.')
    expect(start).toContain(' Press k: kill -9 strikes the leader, a. Another takes over.')
  })

  it('shows the help, and no line of it is cut off', () => {
    const help = played(['a', 'b', 'c', 'd', 'e'], { is: 'help', open: true })
    const full = screen(help, 300, 200, 24)
    expect(screen(help, 300).slice(1)).toEqual(full.slice(1))
    expect(full.filter((line) => line.includes('Any key goes back'))).toHaveLength(1)
  })
})

describe('every screen', () => {
  const states = [
    played(['a', 'b', 'c']),
    played(['a', 'b', 'c', 'd', 'e'], ...story),
    played(['a', 'b', 'c'], { is: 'help', open: true }),
  ]
  const sizes = [
    [1, 1],
    [79, 24],
    [80, 23],
    [80, 24],
    [120, 40],
    [300, 100],
  ] as const
  it.each(sizes)('of %d columns and %d rows is filled exactly', (columns, rows) => {
    for (const state of states) {
      for (const now of [0, 3200, 60_000]) {
        const lines = draw(state, { now, columns, rows, glyphs })
        expect(lines).toHaveLength(rows)
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns)
      }
    }
  })

  it('ends with the keys, whole, also with 80 columns', () => {
    expect(screen(states[1]!, 0).at(-1)).toMatch(/\? help {1,2}q quit$/)
  })

  it('asks for a larger window when it is too small', () => {
    expect(screen(states[0]!, 0, 22, 3).map((line) => line.trimEnd())).toEqual([
      'This window is 22x3;',
      'the demo needs 80x24.',
      'It goes on; q quits.',
    ])
  })

  it('says the role without colour and without UTF-8', () => {
    const ascii = { now: 3200, columns: 80, rows: 24, glyphs: glyphsFor({ LANG: 'C' }) }
    const text = draw(states[1]!, ascii).map(plain).join('\n')
    expect(text).toMatch(/\* LEADS/)
    expect(text).toMatch(/x dead/)
    expect(text).toMatch(/^\p{ASCII}*$/u)
  })

  it('wears colour only where it is painted', () => {
    const mark = (name: string) => (text: string) => `<${name}>${text}</${name}>`
    const palette = {
      ...{ dim: mark('dim'), bold: mark('b'), green: mark('green') },
      ...{ yellow: mark('yellow'), red: mark('red') },
    }
    const line = [
      { text: 'x', tone: 'good' },
      { text: 'y', tone: 'plain' },
    ] as const
    expect(paint(line, palette)).toBe('<b><green>x</green></b>y')
  })
})

describe('the live form', () => {
  const output = { isTTY: true, columns: 80, rows: 24 }
  const terminal = { input: { isTTY: true }, output, env: { TERM: 'xterm' } }

  it('is for a terminal of 80x24 and more', () => {
    expect(canGoLive(terminal)).toBe(true)
  })

  it.each([
    ['too narrow', { ...terminal, output: { ...output, columns: 79 } }],
    ['too low', { ...terminal, output: { ...output, rows: 23 } }],
    ['no terminal to write to', { ...terminal, output: {} }],
    ['no terminal to read keys from', { ...terminal, input: {} }],
    ['NO_COLOR', { ...terminal, env: { ...terminal.env, NO_COLOR: '1' } }],
    ['a dumb terminal', { ...terminal, env: { TERM: 'dumb' } }],
  ])('is not for: %s', (_, other) => {
    expect(canGoLive(other)).toBe(false)
  })
})
