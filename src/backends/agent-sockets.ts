/** The sockets of Node's HTTP agents. */
import type { Agent } from 'node:http'
import type { Socket } from 'node:net'

/** Those in use and those kept for the next request. */
export function socketsOf({ sockets, freeSockets }: Agent): readonly Socket[] {
  return [sockets, freeSockets].flatMap((lists) => Object.values(lists).flatMap((list) => list ?? []))
}

/** Ends every connection, also those with a request on them; resolves when none is left. */
export async function destroyAgents(agents: readonly Agent[]): Promise<void> {
  const open = agents.flatMap(socketsOf)
  const closed = open.map((socket) => new Promise((resolve) => socket.once('close', resolve)))
  for (const agent of agents) agent.destroy()
  await Promise.all(closed)
}

/** What is idle goes now; what serves a request goes with its end, and nothing is kept any more. */
export function retireAgent(agent: Agent): void {
  agent.maxFreeSockets = 0
  for (const list of Object.values(agent.freeSockets)) for (const socket of list ?? []) socket.destroy()
}
