/** The door of this room. */
export { apply } from './apply.ts'
export { electionState, isFull, newestSession, sessionsOf, sessionState, vacantElections } from './queries.ts'
export { aheadOf, nextWinner } from './queue.ts'
export {
  cloneRegistry,
  createRegistry,
  type ElectionState,
  type Registry,
  type RegistryLimits,
} from './state.ts'
