import type { RaftWorld } from '../../../testing/raft-world.ts'

/** Whom the peer `asked` follows, once it follows somebody. */
export async function raftLeader(world: RaftWorld, asked: string): Promise<string> {
  let leader: string | null = null
  const link = world.peers.get(asked)?.attach({
    received: (message) => {
      if (message.type === 'status') leader = message.status.leader
    },
  })
  link?.send({ type: 'status', id: 1, election: null })
  await world.until(() => leader !== null, 'somebody leads')
  link?.close()
  return leader ?? 'nobody'
}
