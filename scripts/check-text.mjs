// Rules over the text and names of all files of the repository (STYLE habits that no linter knows).
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const SKIPPED_FOLDERS = new Set(['.git', '.cache', 'node_modules', 'dist'])
const TEXT_FILE = /\.(ts|js|mjs|cjs|json|md|ya?ml|txt|sh)$|\/run$/
const CODE_FILE = /\.(ts|js|mjs|cjs)$/

// Spelled in halves, so that this file passes its own check.
const FORBIDDEN = [
  {
    pattern: new RegExp(`\\b(${'FIX'}ME|${'X'}XX)\\b`),
    where: TEXT_FILE,
    why: 'finish it, or open an issue',
  },
  {
    pattern: /\b(it|test|describe|bench)\.only\b/,
    where: /\.test\.ts$/,
    why: 'it switches all other tests off',
  },
  {
    pattern: new RegExp(`@ts-${'no'}check|@ts-${'ignore'}`),
    where: CODE_FILE,
    why: 'it hides errors nobody looked at',
  },
  { pattern: new RegExp(`^(<{7}|>{7}) `, 'm'), where: TEXT_FILE, why: 'a merge was left unfinished' },
]

const VAGUE_NAME = /^(utils?|helpers?|common|misc)\.[a-z.]+$/
const SOURCE_NAME = /^[a-z0-9]+([.-][a-z0-9]+)*$/

/** Problems of one file: its path from the root with forward slashes, and its text. */
export function checkText(path, text) {
  const problems = []
  for (const { pattern, where, why } of FORBIDDEN) {
    if (!where.test(`/${path}`)) continue
    for (const [index, line] of text.split('\n').entries()) {
      const found = pattern.exec(line)
      if (found !== null) problems.push(`${path}:${index + 1}: '${found[0]}' is forbidden: ${why}`)
    }
  }
  if (CODE_FILE.test(path) || path.startsWith('src/')) {
    const name = basename(path)
    if (VAGUE_NAME.test(name)) problems.push(`${path}: name the file for the one idea it holds`)
    if (!SOURCE_NAME.test(name)) problems.push(`${path}: file names are kebab-case`)
  }
  return problems
}

/** All files below a folder, without build output and dependencies, as paths with forward slashes. */
export function listFiles(root, folder = '') {
  const paths = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) paths.push(...listFiles(root, path))
    if (entry.isFile()) paths.push(path)
  }
  return paths
}

export function checkRepositoryText(root) {
  const paths = listFiles(root).filter((path) => TEXT_FILE.test(`/${path}`))
  if (paths.length === 0) return ['no text file found']
  return paths.flatMap((path) => checkText(path, readFileSync(join(root, path), 'utf8')))
}
