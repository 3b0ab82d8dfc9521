// What `bench:cost` lets a candidate do beside its own election.

/** Leads `count` elections and keeps them. */
export async function holdMany({ createElection, backend, count }) {
  let next = 0
  async function work() {
    while (next < count) {
      const election = createElection({ name: `held-${next++}`, backend })
      await election.campaign()
    }
  }
  await Promise.all(Array.from({ length: 256 }, work))
}

/** Campaigns and resigns for `ms` in `concurrency` elections at once. Counts what was both granted and released. */
export async function measureGrants({ createElection, backend, concurrency, ms }) {
  const elections = Array.from({ length: concurrency }, (_, index) =>
    createElection({ name: `grant-${concurrency}-${index}`, backend }),
  )
  let grants = 0
  const since = performance.now()
  async function loop(election) {
    while (performance.now() - since < ms) {
      const leadership = await election.campaign()
      await leadership.resign()
      grants++
    }
  }
  await Promise.all(elections.map(loop))
  const wallMs = performance.now() - since
  await Promise.all(elections.map((election) => election.close()))
  return { grants, wallMs }
}
