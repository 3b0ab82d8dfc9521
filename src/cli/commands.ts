/** Every command of `mandate`: what it takes, and the file it lives in. */
import type { CommandSpec, ExtraFlag } from './command.ts'
import { manifestFlags } from './manifests/flags.ts'
import { oldFlags } from './serve/old-flags.ts'
import { settingKeys } from './settings.ts'
import type { SettingKey } from './settings.ts'

const backend: ExtraFlag = {
  flag: '--backend',
  placeholder: '<url>',
  help: 'what arbitrates, such as raft://a@127.0.0.1:7401,b@127.0.0.1:7402,c@127.0.0.1:7403',
}
const config: ExtraFlag = {
  flag: '--config',
  placeholder: '<file>',
  help: 'a YAML or JSON file with settings',
}
const self: ExtraFlag = {
  flag: '--self',
  placeholder: '<id>',
  help: 'which peer of the backend this process is',
}
const data: ExtraFlag = { flag: '--data', placeholder: '<folder>', help: "the folder of this peer's log" }
const wait: ExtraFlag = {
  flag: '--wait',
  placeholder: '<duration>',
  help: 'give up with exit code 75 when it is not done by then (default: 10s)',
}
const ifToken: ExtraFlag = {
  flag: '--if-token',
  placeholder: '<token>',
  help: 'only if the leader has this token, as `mandate status` shows it; else exit 1',
}
const json: ExtraFlag = { flag: '--json', help: 'answer on stdout in JSON' }

const runSettings = [
  'id',
  'priority',
  'metadata',
  'exclusivity',
  'lease',
  'grace',
  'wait',
  'onLoss',
  'restart',
  'shell',
  'killSignal',
  'health',
  'healthInterval',
  'healthTimeout',
  'healthFailures',
  'healthSuccesses',
  'logLevel',
  'logFormat',
] as const satisfies readonly SettingKey[]

const serveSettings = [
  'id',
  'priority',
  'metadata',
  'exclusivity',
  'lease',
  'http',
  'httpTokenFile',
  'httpInsecure',
  'validFor',
  'livezTolerance',
  'compat',
  'logLevel',
  'logFormat',
] as const satisfies readonly SettingKey[]

export const commands: readonly CommandSpec[] = [
  {
    usage: 'run <name>',
    summary: 'run a command for as long as this process leads; exactly one of the replicas does',
    settings: runSettings,
    extra: [backend, self, data, config],
    examples: [
      'mandate run billing --backend raft://a@127.0.0.1:7401,b@127.0.0.1:7402,c@127.0.0.1:7403 --self a --data ./data/a -- node job.js',
      'mandate run backup --wait 10s -- pg_dump -f /backup/db.sql db',
      "mandate run report --shell -- 'make report | mail ops'",
    ],
    load: async () => (await import('./run.ts')).run,
  },
  {
    usage: 'serve [name]',
    summary:
      'stand for election, and answer over HTTP whether this process leads: a sidecar for any language',
    settings: serveSettings,
    extra: [backend, self, data, config, json, ...oldFlags],
    examples: [
      'mandate serve billing --backend k8s://jobs',
      'curl -fsS http://127.0.0.1:4040/leader && ./only-on-the-leader',
      'mandate serve --compat leader-elector --election=billing --http=localhost:4040',
    ],
    load: async () => (await import('./serve/serve.ts')).serve,
  },
  {
    usage: 'peer',
    summary: 'vote in a cluster without standing for anything',
    settings: [],
    extra: [backend, self, data, config, json],
    examples: [
      'mandate peer --backend raft://a@127.0.0.1:7401,b@127.0.0.1:7402,c@127.0.0.1:7403 --self c --data ./data/c',
    ],
    load: async () => (await import('./peer.ts')).peer,
  },
  {
    usage: 'observe <name>',
    summary: 'print who leads, now and at every change',
    settings: [],
    extra: [backend, config, json],
    examples: ['mandate observe billing', 'mandate observe billing --json | jq -r .leader.id'],
    load: async () => (await import('./observe.ts')).observe,
  },
  {
    usage: 'leader <name>',
    summary: "print the leader's id; exit 1 if there is none",
    settings: [],
    extra: [backend, config, json],
    examples: ['mandate leader billing', 'test "$(mandate leader billing)" = worker-7 && echo mine'],
    load: async () => (await import('./leader.ts')).leader,
  },
  {
    usage: 'status [name]',
    summary: 'show the cluster and its elections; exit 1 without a quorum, 69 if nobody answers',
    settings: [],
    extra: [backend, config, json],
    examples: ['mandate status', 'mandate status billing --json'],
    load: async () => (await import('./status.ts')).status,
  },
  {
    usage: 'demo',
    summary:
      'real peers on this machine: live on a terminal, a measured story elsewhere; exit 1 if a promise was broken',
    settings: [],
    extra: [
      {
        flag: '--exclusivity',
        placeholder: '<mode>',
        help: 'time, token or both (default: both; live, both means time)',
      },
      { flag: '--timing', placeholder: '<preset>', help: 'fast or default (default: fast)' },
      { flag: '--peers', placeholder: '<count>', help: '3 or 5 (default: 3)' },
      json,
      { flag: '--raw', placeholder: '<file>', help: 'write every event of every process there, as NDJSON' },
    ],
    examples: ['mandate demo', "mandate demo --json | jq '.steps[] | {step, failoverMs}'"],
    load: async () => (await import('./demo/demo.ts')).demo,
  },
  {
    usage: 'simulate',
    summary: 'the whole stack under simulated faults, checked at every step; exit 1 on a violation',
    settings: [],
    extra: [
      {
        flag: '--seeds',
        placeholder: '<count>',
        help: 'how many runs (default: 100, or as many as --wall allows)',
      },
      { flag: '--simulated', placeholder: '<duration>', help: 'simulated time of each run (default: 10m)' },
      { flag: '--wall', placeholder: '<duration>', help: 'start no run after this much real time' },
      { flag: '--first-seed', placeholder: '<number>', help: 'the seed of the first run (default: 1)' },
      { flag: '--peers', placeholder: '<range>', help: 'such as 5 or 3-7 (default: 3-7)' },
      {
        flag: '--faults',
        placeholder: '<list>',
        help: 'none, network, disk, process, clock, api, all, storm (default: all)',
      },
      {
        flag: '--level',
        placeholder: '<level>',
        help: 'full, or core: the pure cores alone, faster (default: full)',
      },
      { flag: '--explore', help: 'instead: every state of the pure cores within bounds' },
      { flag: '--mutants', help: 'instead: plant known bugs and see that each is caught (needs a clone)' },
      {
        flag: '--protocol',
        placeholder: '<name>',
        help: 'raft, paxos or bully (default: raft)',
      },
      { flag: '--workers', placeholder: '<count>', help: 'threads (default: one a core)' },
      { flag: '--record', placeholder: '<file>', help: 'note totals there; a later run goes on behind them' },
      json,
    ],
    examples: [
      'mandate simulate --wall 8m',
      'mandate simulate --seeds 1000 --faults storm --simulated 1m --record storm.ndjson',
      'mandate simulate --level core --seeds 1000 --faults storm --simulated 1m',
      'mandate simulate --explore',
    ],
    load: async () => (await import('./simulate/simulate.ts')).simulate,
  },
  {
    usage: 'compare',
    summary: 'the embedded engines under the same faults, side by side',
    settings: [],
    extra: [
      { flag: '--peers', placeholder: '<count>', help: 'of each cluster, 3 to 9 (default: 3)' },
      { flag: '--engine', placeholder: '<name>', help: 'raft, paxos, bully or all (default: all)' },
      {
        flag: '--environment',
        placeholder: '<name>',
        help: 'simulator, processes (of this machine) or both (default: both, minutes)',
      },
      {
        flag: '--trials',
        placeholder: '<count>',
        help: 'of each kind of failover (default: 100 simulated, 5 with processes)',
      },
      {
        flag: '--seed',
        placeholder: '<number>',
        help: 'the same seed gives the same simulated figures (default: 1)',
      },
      { flag: '--timing', placeholder: '<preset>', help: 'fast or default (default: fast)' },
      json,
    ],
    examples: [
      'mandate compare --environment simulator',
      'mandate compare --timing default --peers 5 --json',
    ],
    load: async () => (await import('./compare/compare.ts')).compare,
  },
  {
    usage: 'resign <name>',
    summary:
      'ask the leader to give up: it stops its work, then whoever waits leads; exit 1 if nobody leads, 75 if it takes too long',
    settings: [],
    extra: [wait, ifToken, backend, config, json],
    examples: ['mandate resign billing', 'mandate resign billing --if-token 42 --wait 1m --json'],
    load: async () => (await import('./operator/operator.ts')).resign,
  },
  {
    usage: 'transfer <name>',
    summary:
      'ask the leader to hand over to a candidate that waits; exit 1 if that one does not stand, 75 if it takes too long',
    settings: [],
    extra: [
      { flag: '--to', placeholder: '<id>', help: 'the candidate that shall lead; it must be waiting' },
      wait,
      ifToken,
      backend,
      config,
      json,
    ],
    examples: [
      'mandate transfer billing --to worker-7',
      'mandate transfer billing --to worker-7 --json | jq .to.token',
    ],
    load: async () => (await import('./operator/operator.ts')).transfer,
  },
  {
    usage: 'manifests <name>',
    summary: 'print what an election needs on Kubernetes: service account, role, deployment',
    settings: [],
    extra: [...manifestFlags, json],
    examples: [
      'mandate manifests billing --namespace jobs --image billing:1.4 --command "node main.js" | kubectl apply -f -',
      'mandate manifests billing --sidecar --service --out ./deploy && kubectl apply -k ./deploy',
    ],
    load: async () => (await import('./manifests/manifests.ts')).manifests,
  },
  {
    usage: 'config print',
    summary: 'show every setting with its value and where it came from',
    settings: settingKeys,
    extra: [backend, self, data, config, json],
    examples: ['mandate config print --config mandate.yaml', 'MANDATE_LEASE=5s mandate config print --json'],
    load: async () => (await import('./config-print.ts')).configPrint,
  },
]
