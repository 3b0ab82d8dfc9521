/** Draws the live demo: a pure function of its state, the time and the size of the screen. */
import { big, bigRows } from './digits.ts'
import type { Glyphs } from './glyphs.ts'
import { helpLines } from './help.ts'
import { advice, target } from './keys.ts'
import { clip, span, spread, widthOf } from './line.ts'
import type { Line, Span } from './line.ts'
import { inMs } from './model.ts'
import type { PeerState, State, Stretch } from './state.ts'

export interface Frame {
  /** On the clock of the events. */
  readonly now: number
  readonly columns: number
  readonly rows: number
  readonly glyphs: Glyphs
}

export const leastColumns = 80
export const leastRows = 24
/** For so long a takeover stands there in big digits. */
const bigForMs = 4000

/** Exactly as many lines as the screen has rows, none wider than the screen. */
export function draw(state: State, frame: Frame): readonly Line[] {
  const { columns, rows } = frame
  const lines = content(state, frame)
  const filled = [...lines, ...Array.from({ length: Math.max(0, rows - lines.length) }, () => [])]
  return filled.slice(0, rows).map((line) => clip(line, columns))
}

function content(state: State, frame: Frame): readonly Line[] {
  const { columns, rows } = frame
  if (columns < leastColumns || rows < leastRows) {
    // Short lines: what does not fit is cut off.
    const lines = [
      `This window is ${columns}x${rows};`,
      `the demo needs ${leastColumns}x${leastRows}.`,
      'It goes on; q quits.',
    ]
    return lines.map((text) => [span(text, 'warn')])
  }
  if (state.help) return [...above(title(state, frame)), ...helpLines(state)]
  const roomy = rows > leastRows + 5 ? [[]] : []
  const top = [
    ...above(title(state, frame)),
    ...roomy,
    sentence(state, frame),
    [],
    ...peersTable(state, frame),
    [],
    ...ledger(state, frame),
    ...roomy,
    ...banner(state, frame),
    ...roomy,
    [span(' '), span(advice(state), 'bold')],
  ]
  return [...top, ...log(state, rows - top.length - 1), keys(state)]
}

function above(line: Line): readonly Line[] {
  return [line]
}

function title({ exclusivity, preset, timing, peers, startedAt }: State, { now, columns }: Frame): Line {
  const about = `${peers.length} peers, exclusivity ${exclusivity}, timing ${preset} (lease ${timing.leaseMs} ms)`
  const seconds = Math.max(0, Math.floor((now - startedAt) / 1000))
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  return spread([span(' MANDATE', 'bold'), span(`  ${about}`, 'dim')], [span(`${clock} `, 'dim')], columns)
}

/** The one sentence that matters. */
function sentence({ leader, pending }: State, { now }: Frame): Line {
  if (pending !== null) {
    const since = seconds(now - pending.at)
    return [span(` NO NEW LEADER YET`, 'bad'), span(`, ${since} after ${pending.cause}`)]
  }
  if (leader === null) return [span(' NO LEADER YET', 'bad')]
  const since = seconds(now - leader.since)
  return [span(` ${leader.id} LEADS`, 'good'), span(` with token ${leader.token}, for ${since}`)]
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`
}

function peersTable(state: State, frame: Frame): readonly Line[] {
  const barColumns = barWidth(frame)
  const deadlineHead = 'deadline'.padEnd(barColumns + 8)
  const head = `  peer ${'pid'.padEnd(8)}${'role'.padEnd(11)}${'Raft'.padEnd(11)}term  leader  token  ${deadlineHead} refused`
  return [[span(head, 'dim')], ...state.peers.map((peer, index) => peerRow(state, peer, index, frame))]
}

function barWidth({ columns }: Frame): number {
  return Math.min(30, columns - leastColumns + 6)
}

const raftRoles = { leader: 'L leads', follower: 'F follows', candidate: 'C stands' } as const

function peerRow(state: State, peer: PeerState, index: number, frame: Frame): Line {
  const { id, pid, life, view } = peer
  const isTarget = target(state)?.id === id
  // What it said last is old news while it says nothing.
  const aged = life === 'running' && view !== null ? 'plain' : 'dim'
  const raft = view === null ? '' : raftRoles[view.role]
  const knows = `${String(view?.term ?? '').padStart(4)}  ${(view?.leader ?? '-').padStart(6)}  ${(peer.token ?? view?.token ?? '-').padStart(5)} `
  return [
    span(isTarget ? (state.chosen === null ? ' >' : ' »') : '  ', 'bold'),
    span(`${index + 1} `, 'dim'),
    span(id.padEnd(3), 'bold'),
    span(String(pid ?? '').padEnd(8), 'dim'),
    role(peer, frame),
    span(`  ${raft.padEnd(9)}  ${knows}`, aged),
    ...deadline(state, peer, frame),
    span(String(peer.refused).padStart(8), peer.refused > 0 ? 'bad' : 'dim'),
  ]
}

/** By shape and word first; the colour only repeats it. */
function role({ life, cut, token }: PeerState, { glyphs }: Frame): Span {
  const cell = (glyph: string, word: string): string => `${glyph} ${word}`.padEnd(9)
  switch (life) {
    case 'starting':
      return span(cell(glyphs.starting, 'starts'), 'dim')
    case 'dead':
      return span(cell(glyphs.dead, 'dead'), 'bad')
    case 'paused':
      return span(cell(glyphs.paused, 'paused'), 'warn')
    case 'running':
      if (cut) return span(cell(glyphs.cut, token === null ? 'cut off' : 'CUT OFF'), 'warn')
      return token === null ? span(cell(glyphs.waits, 'waits')) : span(cell(glyphs.leads, 'LEADS'), 'good')
    default:
      return life satisfies never
  }
}

/** What is left of a leader's lease by its own word; while it says nothing, the time that passed is taken off. */
function deadline({ timing }: State, { token, remaining, life }: PeerState, frame: Frame): readonly Span[] {
  const columns = barWidth(frame)
  if (token === null || remaining === null) return [span(' '.repeat(columns + 9))]
  const { glyphs, now } = frame
  const left = Math.max(0, Math.min(timing.leaseMs, remaining.ms - (now - remaining.at)))
  const full = Math.round((columns * left) / timing.leaseMs)
  const tone = left === 0 ? 'bad' : life === 'paused' ? 'warn' : 'good'
  const text = left === 0 ? 'past' : `${left.toFixed(0)} ms`
  return [
    span(` ${glyphs.full.repeat(full)}`, tone),
    span(glyphs.empty.repeat(columns - full), 'dim'),
    span(text.padStart(8), tone),
  ]
}

/** The counter goes on over every change of leader: that is the whole point. */
function ledger(
  { lastWrote, stretches, twice, missing, refused }: State,
  { columns, glyphs }: Frame,
): readonly Line[] {
  if (lastWrote === null) return [[span(' ledger  '), span('no line yet', 'dim')], []]
  const { number, id, token } = lastWrote
  const left = [
    span(' ledger  '),
    span(`line ${grouped(number)}`, 'bold'),
    span(` written by ${id} with token ${token}`),
  ]
  const counts = [
    span(`${missing} missing, `, missing > 0 ? 'bad' : 'dim'),
    span(`${twice} twice, `, twice > 0 ? 'bad' : 'dim'),
    span(`${refused} refused `, refused > 0 ? 'bold' : 'dim'),
  ]
  return [spread(left, counts, columns), tape(stretches, columns, glyphs)]
}

/** As many of the newest stretches as fit: who wrote from which number to which. */
function tape(stretches: readonly Stretch[], columns: number, glyphs: Glyphs): Line {
  const indent = span('         ')
  let line: readonly Span[] = []
  for (const [age, { id, first, last }] of stretches.toReversed().entries()) {
    const text = `${id} ${grouped(first)}${last > first ? `-${grouped(last)}` : ''}`
    const wider = [
      span(text, age === 0 ? 'bold' : 'dim'),
      ...(age === 0 ? [] : [span(` ${glyphs.to} `)]),
      ...line,
    ]
    if (widthOf([indent, ...wider]) > columns - 4) return [indent, span(`${glyphs.to} `), ...line]
    line = wider
  }
  return [indent, ...line]
}

function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
}

/** The last takeover in big digits for a moment, then the latest ones as a list. */
function banner(state: State, frame: Frame): readonly Line[] {
  const last = state.takeovers.at(-1)
  if (last !== undefined && frame.now - last.at < bigForMs) return [[], ...bigTakeover(last, frame)]
  const shown = state.takeovers.slice(-(bigRows - 1)).toReversed()
  const widest = Math.max(0, ...shown.map(({ cause }) => cause.length))
  const lines = shown.map((each, index): Line => {
    const ms = `${each.ms.toFixed(1)} ms`.padStart(10)
    const rest = `   ${each.cause.padEnd(widest)}   token ${each.fromToken} ${frame.glyphs.to} ${each.toToken}`
    const who = ` ${each.from} ${frame.glyphs.to} ${each.to}`
    return [span(who), span(ms, index === 0 ? 'bold' : 'plain'), span(rest, 'dim')]
  })
  const head = shown.length === 0 ? welcome : [[span(' takeovers', 'dim')]]
  const blank = Array.from({ length: bigRows - head.length - lines.length }, () => [])
  return [[], ...head, ...lines, ...blank]
}

/** Until there is something to tell. */
const welcome: readonly Line[] = [
  [span(' These processes are real. They elect a leader, which writes numbered lines.')],
  [span(' Break it: no line will be missing, none will be there twice, and who')],
  [span(' has lost its leadership without noticing will write nothing.')],
]

function bigTakeover(last: State['takeovers'][number], { glyphs }: Frame): readonly Line[] {
  const words = [
    '',
    last.to === last.from ? `${last.to} leads again` : `${last.to} took over from ${last.from}`,
    `after ${last.cause}`,
    `token ${last.fromToken} ${glyphs.to} ${last.toToken}`,
    '',
  ]
  return big(inMs(last.ms), glyphs).map((row, index) => [
    span(`  ${row}    `, 'good'),
    span(words[index] ?? '', index === 1 ? 'bold' : 'plain'),
  ])
}

function log({ log: lines, startedAt }: State, rows: number): readonly Line[] {
  if (rows < 1) return []
  const shown = lines.slice(-rows).map(({ at, text, tone }): Line => {
    const clock = ((at - startedAt) / 1000).toFixed(2).padStart(8)
    return [span(`${clock}  `, 'dim'), span(text, tone)]
  })
  return [...shown, ...Array.from({ length: rows - shown.length }, () => [])]
}

function keys({ peers }: State): Line {
  const all = [
    ...[
      ['k', 'kill'],
      ['p', 'pause'],
      ['c', 'go on'],
      ['r', 'restart'],
      ['g', 'resign'],
      ['x', 'cut'],
      ['h', 'heal'],
    ],
    [`1-${peers.length}`, 'peer'],
    ...[
      ['?', 'help'],
      ['q', 'quit'],
    ],
  ]
  return all.flatMap(([key = '', word = '']) => [span(` ${key}`, 'bold'), span(` ${word}`, 'dim')])
}
