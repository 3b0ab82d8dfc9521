/** What one peer alone can break: promises that its disk does not back, and orders that it does not keep. */
import type { Outcome, Process } from './raft-process.ts'

export interface Claim {
  readonly invariant: string
  readonly message: string
}

export function count(checked: Record<string, number>, invariant: string): void {
  checked[invariant] = (checked[invariant] ?? 0) + 1
}

export function brokenLocally(
  before: Process,
  outcome: Outcome,
  checked: Record<string, number>,
): Claim | null {
  return (
    unbackedPromise(outcome, checked) ??
    fallingTerm(before, outcome, checked) ??
    disorder(before, outcome, checked)
  )
}

/** What leaves for the network speaks for what is on the disk (Raft Figure 2). */
function unbackedPromise({ process, sent }: Outcome, checked: Record<string, number>): Claim | null {
  const { hardState, entries } = process.disk
  for (const { message } of sent) {
    if (message.type === 'pre-vote' || message.type === 'pre-vote-reply') continue
    count(checked, 'durable-before-told')
    const told = `sends ${message.type} of term ${message.term}`
    if (hardState.term < message.term) return unbacked(`${told}, its disk says term ${hardState.term}`)
    if (hardState.term > message.term) continue
    const votes = message.type === 'vote' || (message.type === 'vote-reply' && message.granted)
    if (votes && hardState.votedFor === null) return unbacked(`${told}, its disk knows of no vote`)
    if (message.type === 'append-reply' && message.accepted && entries.length < message.matchIndex) {
      return unbacked(`${told} for entry ${message.matchIndex}, its disk ends at ${entries.length}`)
    }
  }
  return null
}

function unbacked(message: string): Claim {
  return { invariant: 'durable-before-told', message }
}

function fallingTerm(before: Process, { process }: Outcome, checked: Record<string, number>): Claim | null {
  count(checked, 'terms-never-fall')
  const [was, is] = [before.disk.hardState.term, process.disk.hardState.term]
  return is >= was
    ? null
    : { invariant: 'terms-never-fall', message: `the disk fell from term ${was} to ${is}` }
}

/** Every entry is handed out once, in order, in each life of the process. */
function disorder(before: Process, { effects }: Outcome, checked: Record<string, number>): Claim | null {
  let last = before.raft.commitIndex
  for (const effect of effects) {
    if (effect.type !== 'commit') continue
    for (const { index } of effect.entries) {
      count(checked, 'applied-in-order')
      last += 1
      if (index !== last) {
        return { invariant: 'applied-in-order', message: `entry ${index} is applied where ${last} is due` }
      }
    }
  }
  return null
}
