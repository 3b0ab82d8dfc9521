import type { BackendFacts } from '../backend.ts'

export const etcdFacts: BackendFacts = {
  guarantee: 'linearizable',
  // An election is freed by the end of a lease, and nothing else tells that its holder is dead.
  exclusivity: ['time'],
  tokenSource: 'etcd create revision',
  // By create revision: etcd's own clients know no priority.
  order: 'queue',
  transfer: 'none',
  proclaim: true,
  earlyLoss: ['operator'],
  // A lease counts whole seconds; a server may grant more than it was asked for.
  limits: { minLeaseMs: 1000, nameBytes: 253, metadataBytes: 4096, nestedNames: false },
}
