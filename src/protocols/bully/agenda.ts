/**
 * What is due when, of things that are many: the earliest is found without looking at the others. What was put off stays in
 * the heap until its old instant comes up, and is passed over then.
 */
export interface Agenda<Key> {
  readonly due: Map<Key, number>
  heap: Entry<Key>[]
}

interface Entry<Key> {
  readonly at: number
  readonly key: Key
}

export function createAgenda<Key>(): Agenda<Key> {
  return { due: new Map(), heap: [] }
}

/** `at` infinite: never. */
export function put<Key>(agenda: Agenda<Key>, key: Key, at: number): void {
  if (agenda.due.get(key) === at) return
  if (at === Infinity) {
    agenda.due.delete(key)
    return
  }
  agenda.due.set(key, at)
  if (agenda.heap.length > 2 * agenda.due.size + 64) rebuild(agenda)
  else push(agenda.heap, { at, key })
}

export function earliest<Key>(agenda: Agenda<Key>): number {
  for (let first = agenda.heap[0]; first !== undefined; first = agenda.heap[0]) {
    if (agenda.due.get(first.key) === first.at) return first.at
    pop(agenda.heap)
  }
  return Infinity
}

/** They are not due again until they are put again. */
export function takeDue<Key>(agenda: Agenda<Key>, now: number): Key[] {
  const keys: Key[] = []
  while (earliest(agenda) <= now) {
    const { key } = pop(agenda.heap)
    agenda.due.delete(key)
    keys.push(key)
  }
  return keys
}

function rebuild<Key>(agenda: Agenda<Key>): void {
  agenda.heap = []
  for (const [key, at] of agenda.due) push(agenda.heap, { at, key })
}

function push<Key>(heap: Entry<Key>[], entry: Entry<Key>): void {
  let place = heap.length
  heap.push(entry)
  while (place > 0) {
    const parent = (place - 1) >> 1
    const above = heap[parent] as Entry<Key>
    if (above.at <= entry.at) break
    heap[place] = above
    place = parent
  }
  heap[place] = entry
}

function pop<Key>(heap: Entry<Key>[]): Entry<Key> {
  const first = heap[0] as Entry<Key>
  const last = heap.pop() as Entry<Key>
  if (heap.length === 0) return first
  let place = 0
  for (;;) {
    let child = 2 * place + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && (heap[child + 1] as Entry<Key>).at < (heap[child] as Entry<Key>).at)
      child += 1
    if ((heap[child] as Entry<Key>).at >= last.at) break
    heap[place] = heap[child] as Entry<Key>
    place = child
  }
  heap[place] = last
  return first
}
