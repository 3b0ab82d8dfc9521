// Compiles every ```ts block of the README and the docs against the sources, so that no example can rot.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The ```ts blocks of a page, each with the line it starts at. A block that leans on names of its surroundings gets
 * them from an HTML comment on the line above it, which readers of the page don't see:
 *
 *     <!-- snippet: declare function work(signal: AbortSignal): Promise<void> -->
 */
export function snippetsOf(markdown) {
  const snippets = []
  const lines = markdown.split('\n')
  let open
  for (const [index, line] of lines.entries()) {
    if (open !== undefined && /^\s*```\s*$/.test(line)) {
      snippets.push(open)
      open = undefined
    } else if (open !== undefined) {
      open.lines.push(line)
    } else if (/^\s*```(ts|typescript)\s*$/.test(line)) {
      const prelude = /^\s*<!-- snippet: (.*) -->\s*$/.exec(lines[index - 1] ?? '')?.[1] ?? ''
      open = { line: index + 1, prelude, lines: [] }
    }
  }
  return snippets
}

/** Pages whose snippets must compile. The README is never optional: without it there is nothing to check. */
function pagesOf(root) {
  const docs = existsSync(join(root, 'docs'))
    ? readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.md'),
      )
    : []
  const pages = ['README.md', ...docs.map((name) => `docs/${name}`)]
  for (const optional of ['ARCHITECTURE.md', 'CONTRIBUTING.md']) {
    if (existsSync(join(root, optional))) pages.push(optional)
  }
  return pages
}

/** The source of each public entry point: `mandate/raft` is built from src/backends/raft.ts. */
export function sourcePaths(manifest) {
  const paths = {}
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    if (typeof target === 'string') continue
    const source = target.default.replace(/^\.\/dist\//, './src/').replace(/\.js$/, '.ts')
    paths[subpath.replace(/^\./, manifest.name)] = [source]
  }
  return paths
}

/**
 * Writes one module a snippet and a tsconfig.json into `folder`, inside the repository; returns how many snippets.
 * A module's line numbers are those of its page.
 */
export function writeSnippetProject(root, folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  let count = 0
  for (const page of pagesOf(root)) {
    for (const { line, prelude, lines } of snippetsOf(readFileSync(join(root, page), 'utf8'))) {
      const name = `${page.replaceAll(/[^\w.-]/g, '_')}.line-${line}.ts`
      const text = `${'\n'.repeat(line - 1)}${prelude}; export {};\n${lines.join('\n')}\n`
      writeFileSync(join(folder, name), text)
      count += 1
    }
  }
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const paths = {}
  for (const [name, [source]] of Object.entries(sourcePaths(manifest))) paths[name] = [join(root, source)]
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: { noEmit: true, noUnusedLocals: false, noUnusedParameters: false, paths },
    include: ['*.ts'],
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config, null, 2))
  return count
}
