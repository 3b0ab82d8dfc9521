/** The page behind `?`. */
import type { Exclusivity } from '../../../backends/backend.ts'
import { span } from './line.ts'
import type { Line } from './line.ts'
import type { State } from './state.ts'

const promises: Readonly<Record<Exclusivity, readonly string[]>> = {
  time: [
    'Exclusivity time: nobody leads before every older lease has surely run out, so',
    'a takeover after a crash takes about a lease; --exclusivity token is faster.',
  ],
  token: [
    'Exclusivity token: the next one leads on evidence of death, at once. The older',
    'one may believe until its lease ends; the ledger refuses its older token.',
  ],
}

const keys: readonly (readonly [string, string])[] = [
  ['k', 'kill -9: the process ends in the middle of whatever it does'],
  ['p', 'pause (SIGSTOP); a leader freezes between its check and its write'],
  ['c', 'go on (SIGCONT): it writes what it was about to write'],
  ['r', 'restart a dead peer, with the log it had'],
  ['g', 'resign: the leader finishes its line, then hands over'],
  ['x', 'cut a peer off: nothing passes to it, nor from it'],
  ['h', 'heal its links'],
  ['1-5', 'choose a peer for k, p, g and x; Esc: follow the leader again'],
  ['q', 'quit (Ctrl-C, too): every process ends, its files are removed'],
]

export function helpLines({ peers, exclusivity }: State): readonly Line[] {
  const line = (text: string): Line => [span(` ${text}`)]
  const aside = (text: string): Line => [span(` ${text}`, 'dim')]
  return [
    [],
    line(`${peers.length} real processes elect a leader, which writes numbered lines to a ledger that`),
    line('refuses older tokens. Whatever you do: no number is missing, none comes twice.'),
    [],
    ...keys.map(([key, text]): Line => [span(`   ${key.padEnd(5)}`, 'bold'), span(text)]),
    [],
    ...promises[exclusivity].map(line),
    [],
    aside('Raft: L leads, F follows, C stands. Leader and token: as that peer knows it.'),
    aside('Deadline: what is left of the lease; --timing default is slow enough to watch.'),
    aside('The pids are real: kill -9 from another terminal works as well.'),
    [],
    [span(' Any key goes back.', 'bold')],
  ]
}
