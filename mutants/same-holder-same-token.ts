import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/queue.ts',
  find: `  const token = change.registry.tokenBase + BigInt(change.index)
`,
  replace: `  const known = tokensOf.get(change.registry) ?? new Map<string, bigint>()
  tokensOf.set(change.registry, known)
  const before = known.get(\`\${election.name} \${session.id}\`)
  const token = before ?? change.registry.tokenBase + BigInt(change.index)
  known.set(\`\${election.name} \${session.id}\`, token)
`,
  claim: 'A candidate that wins again gets a new token.',
  source: 'client-go leaseTransitions (not bumped for the same holder); n8n#27126',
}
