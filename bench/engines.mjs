// The embedded engines, by the name that rows and candidates use.
import { bully } from '../dist/backends/bully.js'
import { paxos } from '../dist/backends/paxos.js'
import { raft } from '../dist/backends/raft.js'

export const engines = { raft, paxos, bully }
