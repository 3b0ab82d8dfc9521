import type { Schedule } from './schedule.ts'

export const schedules: readonly Schedule[] = []
