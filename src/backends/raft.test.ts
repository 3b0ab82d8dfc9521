import { describe, it } from 'vitest'
import { testBackend } from '../testing/conformance.ts'
import { raftClientConformance, raftPeerConformance } from '../testing/raft-conformance.ts'

testBackend({ describe, it }, raftClientConformance())
testBackend({ describe, it }, raftPeerConformance())
