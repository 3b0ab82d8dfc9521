import type {
  Backend,
  BackendEnv,
  BackendFacts,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  ObserveEvents,
  OperatorAnswer,
  Session,
  SessionRequest,
} from '../../backends/backend.ts'
import type { ConformanceSetup, ConformanceWorld } from '../conformance.ts'

/** A backend with one known bug, planted on purpose: the conformance suite is judged by whether it notices. */
export interface FaultyBackend {
  /** The bug, as a noun phrase. */
  readonly bug: string
  /** Where it was seen: an issue, a report, or the rule it breaks. */
  readonly source: string
  /** Cases that must fail, without their modes. Others may fail too. */
  readonly caughtBy: readonly string[]
  afflict(healthy: ConformanceSetup): ConformanceSetup
}

/** What a fault knows of the session it sits on. */
export interface Host {
  readonly request: SessionRequest
  readonly env: BackendEnv
  /** The healthy backend. */
  readonly backend: Backend
  /** The same, as the world and the suite know it. */
  readonly outer: Backend
  /** The healthy session. */
  readonly inner: Session
}

/** The members a fault replaces; everything it leaves out goes straight to the healthy backend. */
export interface Fault {
  enter?: (host: Host, ...args: Parameters<Session['enter']>) => ReturnType<Session['enter']>
  observe?: (host: Host, ...args: Parameters<Session['observe']>) => ReturnType<Session['observe']>
  onRenewed?: (host: Host, ...args: Parameters<NonNullable<Session['onRenewed']>>) => void
  facts?: (healthy: BackendFacts) => BackendFacts
  scope?: (host: Host) => string
  /** Called when the backend was made. */
  made?: (inner: Backend) => void
  shareObserver?: (
    inner: Backend,
    ...args: Parameters<Backend['shareObserver']>
  ) => ReturnType<Backend['shareObserver']>
  /** Called when a share in a session is given up, instead of giving it up. */
  leaveShare?: (host: Host, leave: () => Promise<void>) => Promise<void>
  backendClose?: (inner: Backend, outer: Backend) => Promise<void>
  ask?: (inner: Backend, ...args: Parameters<NonNullable<Backend['ask']>>) => Promise<OperatorAnswer>
  share?: (inner: Backend, ...args: Parameters<Backend['share']>) => ReturnType<Backend['share']>
  /** Members of the world, for faults that answer to a hook; called with the healthy world. */
  world?: (inner: ConformanceWorld) => Partial<ConformanceWorld>
}

/** Plants a fault; `plant` is called once for each world, so that its state lives as long as one arbiter. */
export function faulty(
  bug: string,
  source: string,
  caughtBy: string | readonly string[],
  plant: (healthy: ConformanceSetup) => Fault,
  /** A setup that is itself at fault, for bugs that sit in the arbiter. */
  sick?: () => ConformanceSetup,
): FaultyBackend {
  return {
    bug,
    source,
    caughtBy: typeof caughtBy === 'string' ? [caughtBy] : caughtBy,
    afflict: (healthy) => {
      const setup = sick?.() ?? healthy
      return { ...withFault(setup, plant), name: `${setup.name}, with ${bug}` }
    },
  }
}

/** The same setup with some members of its backends replaced. */
export function withFault(
  setup: ConformanceSetup,
  plant: (healthy: ConformanceSetup) => Fault,
): ConformanceSetup {
  return { ...setup, create: async () => afflictWorld(await setup.create(), plant(setup)) }
}

function afflictWorld(world: ConformanceWorld, fault: Fault): ConformanceWorld {
  const healthyOf = new Map<Backend, Backend>()
  const unwrap = (backend: Backend): Backend => healthyOf.get(backend) ?? backend
  const { crash, cut, heal, loseNextReply, delayReplies } = world
  const unwrapped: ConformanceWorld = {
    ...world,
    ...(crash === undefined ? {} : { crash: (backend) => crash(unwrap(backend)) }),
    ...(cut === undefined ? {} : { cut: (backend) => cut(unwrap(backend)) }),
    ...(heal === undefined ? {} : { heal: (backend) => heal(unwrap(backend)) }),
    ...(loseNextReply === undefined ? {} : { loseNextReply: (backend) => loseNextReply(unwrap(backend)) }),
    ...(delayReplies === undefined
      ? {}
      : { delayReplies: (backend, ms) => delayReplies(unwrap(backend), ms) }),
    candidate: async (id) => {
      const inner = await world.candidate(id)
      const outer = afflictBackend(inner, fault)
      healthyOf.set(outer, inner)
      return outer
    },
  }
  return { ...unwrapped, ...fault.world?.(unwrapped) }
}

function afflictBackend(inner: Backend, fault: Fault): Backend {
  const sessions = new Map<Session, Session>()
  fault.made?.(inner)
  const outer: Backend = {
    facts: fault.facts?.(inner.facts) ?? inner.facts,
    env: inner.env,
    defaultCandidateId: inner.defaultCandidateId,
    timing: inner.timing,
    start: (o) => inner.start(o),
    close: () => fault.backendClose?.(inner, outer) ?? inner.close(),
    ...(inner.ask === undefined
      ? {}
      : { ask: (request, o) => fault.ask?.(inner, request, o) ?? askOf(inner, request, o) }),
    shareObserver: (o) => fault.shareObserver?.(inner, o) ?? inner.shareObserver(o),
    share: async (request, o) => {
      const share = await (fault.share?.(inner, request, o) ?? inner.share(request, o))
      const host = { request, env: inner.env, backend: inner, outer, inner: share.session }
      const session = sessions.get(share.session) ?? afflictSession(host, fault)
      sessions.set(share.session, session)
      const leave = (options: Cancellable): Promise<void> => share.leave(options)
      return {
        session,
        leave: (options) => fault.leaveShare?.(host, () => leave(options)) ?? leave(options),
      }
    },
  }
  return outer
}

/** The healthy backend's answer. */
export async function askOf(
  { ask }: Backend,
  ...[request, o]: Parameters<NonNullable<Backend['ask']>>
): Promise<OperatorAnswer> {
  if (ask === undefined) throw new Error('this backend takes no requests of operators')
  return ask(request, o)
}

function afflictSession(host: Host, fault: Fault): Session {
  const { inner } = host
  const { onRenewed } = fault
  return {
    scope: fault.scope?.(host) ?? inner.scope,
    enter: (request, on) => fault.enter?.(host, request, on) ?? inner.enter(request, on),
    observe: (election, on) => fault.observe?.(host, election, on) ?? inner.observe(election, on),
    close: (o) => inner.close(o),
    ...(onRenewed === undefined ? {} : { onRenewed: (told) => onRenewed(host, told) }),
  }
}

/** Events with some members replaced. */
export function eventsWith(on: CandidacyEvents, replaced: Partial<CandidacyEvents>): CandidacyEvents {
  return {
    waiting: replaced.waiting ?? ((ahead) => on.waiting(ahead)),
    won: replaced.won ?? ((grant) => on.won(grant)),
    renewed: replaced.renewed ?? ((renewal) => on.renewed(renewal)),
    asked: replaced.asked ?? ((wish) => on.asked?.(wish)),
    ended: replaced.ended ?? ((end) => on.ended(end)),
  }
}

/** An observer's events with some members replaced. */
export function sightWith(on: ObserveEvents, replaced: Partial<ObserveEvents>): ObserveEvents {
  return {
    led: replaced.led ?? ((leader) => on.led(leader)),
    vacant: replaced.vacant ?? (() => on.vacant()),
    unknown: replaced.unknown ?? ((cause) => on.unknown(cause)),
  }
}

/** A candidacy with some members replaced. */
export function candidacyWith(inner: Candidacy, replaced: Partial<Candidacy>): Candidacy {
  return {
    leave: replaced.leave ?? ((o) => inner.leave(o)),
    transfer: replaced.transfer ?? ((to, o) => inner.transfer(to, o)),
    proclaim: replaced.proclaim ?? ((metadata, o) => inner.proclaim(metadata, o)),
  }
}
