/**
 * Runs a transcript of `scenarios/*.txt`: every line `> verb …` is carried out, and what happened is written under it.
 * Comments and empty lines stay, old output is replaced, so running a good transcript gives it back unchanged.
 */
import { MandateError } from '../../../errors.ts'
import type { PeerId } from '../../quorum/types.ts'
import { ScriptedCluster } from './scenario-cluster.ts'
import type { Letter } from './scenario-cluster.ts'
import { formatEffect, formatMessage, formatState } from './transcript-format.ts'
import type { RaftTimer } from '../types.ts'

interface Stage {
  cluster: ScriptedCluster
  /** What happened since the last command. */
  readonly lines: string[]
  showTimers: boolean
}

type Verb = (stage: Stage, words: readonly string[]) => void

const timers: readonly RaftTimer[] = ['election', 'heartbeat', 'succession', 'transfer']

/** @throws INVALID_OPTIONS for a line that is no command of the language. */
export function runScenario(text: string): string {
  const stage: Stage = { cluster: new ScriptedCluster([]), lines: [], showTimers: false }
  const result: string[] = []
  for (const [position, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) result.push(line)
    if (!line.startsWith('> ')) continue
    result.push(line)
    const [name = '', ...words] = line.slice(2).trim().split(/\s+/)
    const verb = verbs[name]
    if (verb === undefined) throw unknown(`line ${position + 1}`, name, Object.keys(verbs))
    verb(stage, words)
    result.push(...stage.lines.splice(0).map((one) => `  ${one}`))
  }
  return result.join('\n')
}

function unknown(where: string, value: string, known: readonly string[]): MandateError {
  const expected = `one of ${known.join(', ')}`
  return new MandateError('INVALID_OPTIONS', `${where}: '${value}' is not ${expected}`, {
    option: 'scenario',
    value,
    expected,
  })
}

const verbs: Readonly<Record<string, Verb>> = {
  /** `peers a b c [max-entries=1]`: starts them, with empty disks; so many entries go into one append. */
  peers: (stage, words) => {
    const bound = words.find((word) => word.startsWith('max-entries='))?.split('=')[1] ?? '8'
    const ids = words.filter((word) => !word.includes('='))
    stage.cluster = new ScriptedCluster(ids, {
      raft: { maxEntriesPerAppend: Number(bound) },
      onEffect: (peer, effect) => {
        const isTimer = effect.type === 'arm-timer' || effect.type === 'cancel-timer'
        if (!isTimer || stage.showTimers) stage.lines.push(`${peer}: ${formatEffect(effect)}`)
      },
      onDeliver: (letter) =>
        stage.lines.push(`${letter.from} -> ${letter.to}: ${formatMessage(letter.message)}`),
    })
  },
  /** `elect a`: everybody's minimum timeout ends and a wins, told in one line each instead of the whole exchange. */
  elect: (stage, [id = '']) => {
    const { cluster } = stage
    for (const peer of cluster.peers.values()) {
      if (peer.alive && peer.raft.role.name === 'follower')
        cluster.input(peer.id, { type: 'timer', timer: 'election' })
    }
    cluster.input(id, { type: 'timer', timer: 'election' })
    cluster.stabilize()
    stage.lines.length = 0
    showState(stage, [])
  },
  /** `show timers`: from here on; `hide timers` ends it. */
  show: (stage) => {
    stage.showTimers = true
  },
  hide: (stage) => {
    stage.showTimers = false
  },
  /** `timeout a b`: the election timer fires. A follower that heard a leader only stops being sticky at the first one. */
  timeout: (stage, ids) => {
    for (const id of ids) stage.cluster.input(id, { type: 'timer', timer: 'election' })
  },
  /** `timer a heartbeat` */
  timer: (stage, [id = '', name = '']) => {
    const timer = timers.find((one) => one === name)
    if (timer === undefined) throw unknown('timer', name, timers)
    stage.cluster.input(id, { type: 'timer', timer })
  },
  /** `deliver`, `deliver a->b`, `deliver to=b`, `deliver vote-reply`: what is in flight now. */
  deliver: (stage, filters) => {
    stage.cluster.deliver(letterFilter(filters))
  },
  /** Like `deliver`, but the letters are lost. */
  drop: (stage, filters) => {
    for (const { from, to, message } of stage.cluster.drop(letterFilter(filters))) {
      stage.lines.push(`lost ${from} -> ${to}: ${formatMessage(message)}`)
    }
  },
  /** `cut a->b`: this direction, until `heal`. */
  cut: (stage, links) => {
    for (const link of links) stage.cluster.cut.add(link)
  },
  heal: (stage) => stage.cluster.cut.clear(),
  stabilize: (stage) => stage.cluster.stabilize(),
  persist: (stage, ids) => {
    for (const id of ids) stage.cluster.persist(id)
  },
  'hold-disk': (stage, ids) => setDisk(stage, ids, true),
  'release-disk': (stage, ids) => setDisk(stage, ids, false),
  /** `propose a x y` */
  propose: (stage, [id = '', ...data]) => void stage.cluster.input(id, { type: 'propose', data }),
  /** `evidence b a`: b has evidence that a is dead. */
  evidence: (stage, [id = '', peer = '']) => void stage.cluster.input(id, { type: 'evidence', peer }),
  contact: (stage, [id = '', peer = '']) => void stage.cluster.input(id, { type: 'contact', peer }),
  /** `read a 7`: a linearizable read with number 7. */
  read: (stage, [id = '', number = '0']) =>
    void stage.cluster.input(id, { type: 'read', id: Number(number) }),
  /** `transfer a b`, or `transfer a` for the best successor. */
  transfer: (stage, [id = '', to]) => void stage.cluster.input(id, { type: 'transfer', to: to ?? null }),
  crash: (stage, ids) => {
    for (const id of ids) stage.cluster.crash(id)
  },
  restart: (stage, ids) => {
    for (const id of ids) stage.cluster.restart(id)
  },
  state: showState,
}

function showState(stage: Stage, ids: readonly PeerId[]): void {
  for (const peer of stage.cluster.peers.values()) {
    if (ids.length > 0 && !ids.includes(peer.id)) continue
    stage.lines.push(`${peer.id}: ${peer.alive ? formatState(peer.raft) : 'crashed'}`)
  }
}

function setDisk(stage: Stage, ids: readonly PeerId[], held: boolean): void {
  for (const id of ids) stage.cluster.peer(id).diskHeld = held
}

function letterFilter(filters: readonly string[]): (letter: Letter) => boolean {
  return ({ from, to, message }) =>
    filters.every((filter) => filter === `${from}->${to}` || filter === `to=${to}` || filter === message.type)
}
