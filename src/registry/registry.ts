/** The door of this room. */
export { apply } from './apply.ts'
export {
  electionState,
  isFull,
  newestSession,
  sessionsOf,
  sessionState,
  vacantElections,
  type ElectionView,
  type SessionView,
} from './queries.ts'
export { aheadOf, nextWinner } from './queue.ts'
export {
  cloneRegistry,
  createRegistry,
  defaultLimits,
  type ElectionState,
  type Grant,
  type Registry,
  type RegistryLimits,
  type RegistryOptions,
  type Session,
  type Waiter,
} from './state.ts'
