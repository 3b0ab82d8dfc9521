export { createElection } from './election/election.ts'
export type { Election } from './election/election.ts'
export type { CampaignOptions } from './election/campaign.ts'
export type { CandidateOptions, ElectionOptions } from './election/options.ts'
export type { HealthCheck, HealthOptions } from './election/health.ts'
export type { LeadOptions, Work } from './election/lead.ts'
export type { Leadership, LeadershipJson } from './election/leadership.ts'
export type { LeadershipBase } from './election/leadership-base.ts'
export type {
  AdvisoryLeadership,
  AdvisoryLeadershipJson,
  LeadershipOf,
} from './election/advisory-leadership.ts'
export type { ElectionState } from './election/observe.ts'
export type { AdvisoryLeader, Leader, LeaderJson, LeaderOf } from './election/leader.ts'
export type { AdvisoryRank } from './backends/advisory-rank.ts'
export { shutdownSignal } from './election/shutdown-signal.ts'

export { MandateError, isMandateError, mandateErrorCodes } from './errors.ts'
export type { MandateErrorCode, MandateErrorDetails } from './errors.ts'

// For authors of backends.
export { defineBackend } from './backends/define-backend.ts'
export type { BackendOptions } from './backends/define-backend.ts'
export type {
  Backend,
  BackendDriver,
  BackendEnv,
  BackendFacts,
  BackgroundFailure,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  Exclusivity,
  Guarantee,
  LeaderRecord,
  LeaseTiming,
  LossReason,
  Metadata,
  ObserveEvents,
  Observer,
  OperatorAnswer,
  OperatorRequest,
  OperatorWish,
  Renewal,
  Session,
  SessionRequest,
  SessionShare,
  SessionTicket,
  ShareOptions,
} from './backends/backend.ts'
export type { Clock, Instant, Timer } from './seams/clock.ts'
export type { Random } from './seams/random.ts'
