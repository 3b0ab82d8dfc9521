import type { Incarnation } from '../incarnation.ts'
import { Task, type Phase } from '../task-queue.ts'

/** Something that happens in a process, and ends with it. */
export class ProcessTask extends Task {
  declare private readonly act: () => void
  /** In the trace. */
  declare private readonly own: number

  constructor(
    process: Incarnation,
    { phase, mark }: { readonly phase: Phase; readonly mark: number },
    act: () => void,
  ) {
    super(process, phase)
    this.own = mark
    this.act = act
  }

  override get mark(): number {
    return this.own
  }

  run(): void {
    this.act()
  }
}
