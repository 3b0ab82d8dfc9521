/**
 * The public test kit: what a test of an application needs (a clock that moves when told to, elections in memory with
 * losses on demand), and what a test of a backend needs (the conformance suite).
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
export { manualClock } from './manual-clock.ts'
export type { ManualClock, ManualClockOptions } from './manual-clock.ts'
export { memory, memorySpace } from '../backends/memory.ts'
export type { MemoryOptions, MemorySpace, MemorySpaceOptions } from '../backends/memory.ts'
