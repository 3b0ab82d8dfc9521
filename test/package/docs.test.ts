/** What the pages say of files, of one another and of figures is looked up; the example of a test is run. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { deriveFigures } from '../../src/lease/figures.ts'
import { timingPresets } from '../../src/lease/timing.ts'
import { snippetsOf } from '../../scripts/snippets.mjs'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

function pagesOf(folder: string): string[] {
  const inDocs = existsSync(join(folder, 'docs')) ? readdirSync(join(folder, 'docs')) : []
  return [...readdirSync(folder), ...inDocs.map((name) => `docs/${name}`)].filter((name) =>
    name.endsWith('.md'),
  )
}

/** Without fenced blocks and HTML comments, whose brackets are no links. */
function proseOf(page: string): string {
  return page.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/<!--[\s\S]*?-->/g, '')
}

/** The anchors that GitHub makes of a page's headings. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of proseOf(page).matchAll(/^#{1,6} (.*)$/gm)) {
    const slug = heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    let anchor = slug
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`
    anchors.add(anchor)
  }
  return anchors
}

/** Links of all pages that lead to no file or to no heading. */
function brokenLinks(folder: string): string[] {
  const broken: string[] = []
  for (const page of pagesOf(folder)) {
    const prose = proseOf(readFileSync(join(folder, page), 'utf8')).replaceAll(/`[^`\n]*`/g, '')
    for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? join(folder, page) : resolve(folder, dirname(page), path)
      if (relative(folder, file).startsWith('..') || !existsSync(file))
        broken.push(`${page}: ${target}: no such file`)
      else if (anchor !== undefined && !anchorsOf(readFileSync(file, 'utf8')).has(anchor))
        broken.push(`${page}: ${target}: no such heading`)
    }
  }
  return broken
}

/** File names in backticks that name no file, neither from the root nor from src/. */
function missingFiles(folder: string): string[] {
  const missing: string[] = []
  for (const page of pagesOf(folder)) {
    const prose = proseOf(readFileSync(join(folder, page), 'utf8'))
    for (const [, path = ''] of prose.matchAll(/`([\w-]+(?:\/[\w.-]+)+\.(?:ts|js|mjs|md|txt))`/g)) {
      if (!existsSync(join(folder, path)) && !existsSync(join(folder, 'src', path)))
        missing.push(`${page}: ${path}`)
    }
  }
  return missing
}

/** Runs what the one example of a page with `marker` exports, against the sources; returns the names. */
async function examplesOf(page: string, marker: string): Promise<string[]> {
  const example = await importExample(page, marker)
  for (const run of Object.values(example)) await run()
  return Object.keys(example)
}

type Example = Record<string, () => Promise<void>>

async function importExample(page: string, marker: string, edit = (text: string) => text): Promise<Example> {
  const found = snippetsOf(read(page)).filter(({ lines }) => lines.join('\n').includes(marker))
  expect(found).toHaveLength(1)
  const library = pathToFileURL(join(root, 'src/index.ts')).pathname
  const kit = pathToFileURL(join(root, 'src/testing/index.ts')).pathname
  const text = (found[0]?.lines ?? [])
    .join('\n')
    .replaceAll(`'mandate/testing'`, `'${kit}'`)
    .replaceAll(`'mandate'`, `'${library}'`)
  const edited = edit(text)
  const folder = join(root, '.cache', page.replaceAll(/\W/g, '-'))
  mkdirSync(folder, { recursive: true })
  const file = join(folder, edited === text ? 'example.ts' : 'broken-example.ts')
  writeFileSync(file, edited)
  return (await import(/* @vite-ignore */ file)) as Example
}

describe('the pages', () => {
  it('link to files and headings that exist', () => {
    expect(brokenLinks(root)).toEqual([])
  })

  it('name only files that exist', () => {
    expect(missingFiles(root)).toEqual([])
  })
})

describe('docs/library.md', () => {
  const page = read('docs/library.md')
  const presets = Object.entries(timingPresets)

  it.each(presets)('gives the numbers of the preset %s', (name, timing) => {
    const [min, max] = timing.electionTimeoutMs
    const row = `| \`${name}\` | ${timing.heartbeatMs} ms | ${min}-${max} ms | ${timing.leaseMs} ms |`
    expect(page).toContain(row)
  })

  it.each(presets)('gives the figures that the code derives for %s', (name, timing) => {
    const figures = deriveFigures(timing)
    const cells = [
      figures.toleratedOutageMs,
      figures.toleratedStallMs,
      undefined,
      figures.worstTakeoverMs.time,
      figures.worstTakeoverMs.token,
    ].map((ms) => (ms === undefined ? `${figures.toleratedDrift * 100} %` : `${Math.round(ms)} ms`))
    expect(page).toContain(`| \`${name}\` | ${cells.join(' | ')} |`)
  })

  it('shows a test that passes', async () => {
    expect(await examplesOf('docs/library.md', 'memorySpace(')).toHaveLength(1)
  })
})

describe('docs/testing.md', () => {
  it('shows tests that pass', async () => {
    expect(await examplesOf('docs/testing.md', 'rehearsal(')).toHaveLength(3)
  })

  it('says which of them fail when the application does not check', async () => {
    const carelessly = (text: string): string => text.replace('leadership.isValid()', 'true')
    const example = await importExample('docs/testing.md', 'rehearsal(', carelessly)
    const outcomes: Record<string, string> = {}
    for (const [name, run] of Object.entries(example)) {
      outcomes[name] = await run().then(
        () => 'passes',
        (error: unknown) => (/after its signal had aborted/.test(String(error)) ? 'fails' : String(error)),
      )
    }
    expect(outcomes).toEqual({
      whoeverIsCutOffStopsBeforeTheNextOneStarts: 'fails',
      everyKindOfLossIsSurvived: 'fails',
      flappingDoesNoHarm: 'fails',
    })
  })
})

describe('the checks of links and files', () => {
  it('find what is broken, and only that', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mandate-docs-'))
    try {
      mkdirSync(join(folder, 'docs'))
      mkdirSync(join(folder, 'src/room'), { recursive: true })
      writeFileSync(join(folder, 'src/room/a.ts'), '')
      writeFileSync(join(folder, 'docs/b.md'), '# One: `two`!\n## Same\n## Same\n[up](../README.md)\n')
      const good =
        '[b](docs/b.md) [h](docs/b.md#one-two) [s](docs/b.md#same-1) [web](https://example.org/x)\n'
      const code = '`[no](link)` `room/a.ts` `src/room/a.ts` `and/or`\n```\n[no](link) # Not a heading\n```\n'
      writeFileSync(join(folder, 'README.md'), good + code)
      expect(brokenLinks(folder)).toEqual([])
      expect(missingFiles(folder)).toEqual([])
      writeFileSync(
        join(folder, 'README.md'),
        '[x](docs/c.md) [y](docs/b.md#not-a-heading) [z](../out.md) `room/b.ts`\n',
      )
      expect(brokenLinks(folder)).toEqual([
        'README.md: docs/c.md: no such file',
        'README.md: docs/b.md#not-a-heading: no such heading',
        'README.md: ../out.md: no such file',
      ])
      expect(missingFiles(folder)).toEqual(['README.md: room/b.ts'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
