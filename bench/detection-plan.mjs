// Three peers on a network with round trips of a millisecond, and a candidate in each.
const peers = ['p1', 'p2', 'p3']

/** One way, in ms. */
const quality = {
  ...{ minMs: 0.35, maxMs: 0.65, loss: 0, drop: 0, duplicate: 0, reorder: 0 },
  ...{ spike: 0, spikeMs: 0, faulty: false },
}

export function detectionPlan({ seed, timing, tuning, simulatedMs, actions = [] }) {
  return {
    seed,
    protocol: 'raft',
    mode: 'safety',
    faults: ['process'],
    simulatedMs,
    healAtMs: simulatedMs,
    core: peers,
    processes: peers.map((name) => ({
      name,
      isPeer: true,
      clockRate: 1,
      clockTickMs: 0,
      wallOffsetMs: 0,
      onClockStep: 'lose',
      // Node's own timers are late by that much on a machine that does other things as well.
      timerLateMs: 1,
      tuning,
      writeMs: [0.2, 1],
      startsAtMs: 0,
    })),
    timing,
    tokenBase: 0n,
    logBytesMax: 2 ** 30,
    quality,
    encoded: false,
    places: peers.map((process) => ({
      process,
      candidate: process,
      election: 'e',
      exclusivity: 'time',
      priority: 0,
      campaigns: 'campaign',
      holdsMs: null,
      restsMs: [100, 200],
      worksMs: 1000,
      observes: false,
      ails: false,
    })),
    actions,
  }
}
