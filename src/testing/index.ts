/**
 * The public test kit: what a test of an application needs (a stage with processes that can be hurt, a clock that moves
 * when told to, a history that says whether it was safe), and what a test of a backend needs (the conformance suite).
 *
 * @module
 */
export { backendConformance, testBackend } from './conformance.ts'
export type {
  ConformanceCase,
  ConformanceRunner,
  ConformanceSetup,
  ConformanceWorld,
  DeclaredSkip,
  FaultHook,
} from './conformance.ts'
export { leaderHistory } from './leader-history.ts'
export type { Effect, HistoryViolation, LeaderHistory, LeaderHistoryOptions } from './leader-history.ts'
export { manualClock } from './manual-clock.ts'
export type { ManualClock, ManualClockOptions } from './manual-clock.ts'
export { memory, memorySpace } from '../backends/memory.ts'
export type { MemoryOptions, MemorySpace, MemorySpaceOptions } from '../backends/memory.ts'
export { rehearsal } from './rehearsal.ts'
export type { ForcedLoss, Rehearsal, RehearsalOptions, RehearsedProcess } from './rehearsal.ts'
