interface Leads {
  readonly plan: { readonly election: string; readonly exclusivity: string }
  isValid(): boolean
}

/** Another one of `leading` that is valid in the same election at this moment. */
export function rivalOf<Candidate extends Leads>(
  candidate: Candidate,
  leading: Iterable<Candidate>,
): Candidate | null {
  for (const other of leading)
    if (other !== candidate && other.plan.election === candidate.plan.election && other.isValid())
      return other
  return null
}
