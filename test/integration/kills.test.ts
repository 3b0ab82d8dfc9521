import { killPeersOf } from './killing.ts'

killPeersOf('raft', 28)
