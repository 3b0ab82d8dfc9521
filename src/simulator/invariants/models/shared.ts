/** One model of a run for all its checkers: whoever sees an event first brings the model up to date. */
import type { HistoryEvent } from '../../history.ts'
import type { CheckContext } from '../invariant.ts'

export abstract class Model {
  #sequence = -1

  /** Takes the event in, once, whoever else shows it again. */
  observe(event: HistoryEvent): void {
    if (event.sequence === this.#sequence) return
    this.#sequence = event.sequence
    this.take(event)
  }

  protected abstract take(event: HistoryEvent): void
}

/** The way to the one model of its kind in a run. */
export function shared<M extends Model>(make: (context: CheckContext) => M): (context: CheckContext) => M {
  const models = new WeakMap<CheckContext, M>()
  return (context) => {
    let model = models.get(context)
    if (model === undefined) models.set(context, (model = make(context)))
    return model
  }
}
