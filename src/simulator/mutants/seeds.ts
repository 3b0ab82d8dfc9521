/** One seed of the simulated world, as a mutant meets it. */
import { RaftChaos } from '../../testing/raft-chaos.ts'

export interface SeenViolation {
  readonly invariant: string
  readonly message: string
}

/** Null: nothing was seen. */
export async function playSeed(seed: number): Promise<SeenViolation | null> {
  const chaos = new RaftChaos(seed)
  try {
    await chaos.run(40)
    return null
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { invariant: 'chaos', message: message.split('\n', 1)[0] ?? message }
  } finally {
    await chaos.world.close().catch(() => undefined)
  }
}
