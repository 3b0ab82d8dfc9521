// Messages per failover of the bully with a quorum, against the number of peers: npm run bench:bully-messages
import { SmallWorld } from '../dist/protocols/bully/testing/small-world.js'

const trials = 3

/** @param {'time' | 'token'} exclusivity @param {number} peers */
function failover(exclusivity, peers) {
  const world = new SmallWorld({ peers, exclusivity })
  world.run(20)
  for (const id of world.ids) world.campaign(id, 'e')
  world.run(5_000, () => world.leaders('e').length === 1)
  world.run(2_000)
  const rows = []
  for (let trial = 0; trial < trials; trial++) {
    const [victim] = world.leaders('e')
    if (victim === undefined) throw new Error('nobody leads')
    const before = world.electionMessages()
    const [wins, at] = [world.wins.length, world.now]
    world.crash(victim)
    if (!world.run(5_000, () => world.wins.length > wins)) throw new Error('no failover')
    const tookMs = world.now - at
    // Whoever is still told of it.
    world.run(500)
    rows.push({ messages: world.electionMessages() - before, tookMs })
    world.start(victim)
    world.run(20)
    world.campaign(victim, 'e')
    // Long enough for the damping of flaps to forget it.
    world.run(8_000)
  }
  const median = (/** @type {number[]} */ values) =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
  return { messages: median(rows.map((row) => row.messages)), tookMs: median(rows.map((row) => row.tookMs)) }
}

console.log('mode   peers  messages  per peer  takeover (lease 300 ms, one way 1 ms, fsync 0.5 ms)')
for (const exclusivity of /** @type {const} */ (['time', 'token'])) {
  for (const peers of [3, 5, 7, 9, 13, 17, 23, 31]) {
    const { messages, tookMs } = failover(exclusivity, peers)
    const columns = [
      exclusivity.padEnd(5),
      String(peers).padStart(6),
      String(messages).padStart(9),
      (messages / peers).toFixed(1).padStart(9),
      `${tookMs.toFixed(1)} ms`.padStart(10),
    ]
    console.log(columns.join(' '))
  }
}
