/** The signs that are drawn with: by shape, so that no colour is needed to tell a leader from a follower. */
export interface Glyphs {
  readonly full: string
  readonly empty: string
  readonly to: string
  readonly leads: string
  readonly waits: string
  readonly paused: string
  readonly dead: string
  readonly cut: string
  readonly starting: string
}

const drawn: Glyphs = {
  ...{ full: '█', empty: '░', to: '→' },
  ...{ leads: '★', waits: '·', paused: '‖', dead: '✗', cut: '≠', starting: '…' },
}

const typed: Glyphs = {
  ...{ full: '#', empty: '.', to: '>' },
  ...{ leads: '*', waits: '-', paused: '=', dead: 'x', cut: '/', starting: '~' },
}

/** Terminals that do not say that they take UTF-8 get ASCII. */
export function glyphsFor(env: NodeJS.ProcessEnv): Glyphs {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return /utf-?8/i.test(locale) ? drawn : typed
}
