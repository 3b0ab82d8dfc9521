import { killPeersOf } from './killing.ts'

killPeersOf('bully', 14)
