/** Numbers that can be read from the other end of the room: five rows of blocks. */
import type { Glyphs } from './glyphs.ts'

const shapes: Readonly<Record<string, readonly string[]>> = {
  '0': ['####', '#  #', '#  #', '#  #', '####'],
  '1': ['  # ', ' ## ', '  # ', '  # ', ' ###'],
  '2': ['####', '   #', '####', '#   ', '####'],
  '3': ['####', '   #', ' ###', '   #', '####'],
  '4': ['#  #', '#  #', '####', '   #', '   #'],
  '5': ['####', '#   ', '####', '   #', '####'],
  '6': ['####', '#   ', '####', '#  #', '####'],
  '7': ['####', '   #', '  # ', ' #  ', ' #  '],
  '8': ['####', '#  #', '####', '#  #', '####'],
  '9': ['####', '#  #', '####', '   #', '####'],
  '.': [' ', ' ', ' ', ' ', '#'],
  m: ['     ', '     ', '#####', '# # #', '# # #'],
  s: ['    ', ' ###', '##  ', '  ##', '### '],
  ' ': ['  ', '  ', '  ', '  ', '  '],
}

export const bigRows = 5

export function big(text: string, glyphs: Glyphs): readonly string[] {
  const letters = text.split('').map((letter) => shapes[letter] ?? shapes[' ']!)
  return Array.from({ length: bigRows }, (_, row) =>
    letters
      .map((letter) => letter[row])
      .join('  ')
      .replaceAll('#', glyphs.full),
  )
}
