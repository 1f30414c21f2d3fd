/** The pages that people read, taken apart: what they can paste, and what is named in their text. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

/** A fenced block. */
export interface Block {
  /** `docs/guide/filters.md:5`, the line of its first fence. */
  readonly place: string;
  /** What stands behind the fence: `ts`, `sh`; empty for what a terminal showed. */
  readonly language: string;
  readonly text: string;
}

/** README and every page of the guide, relative to the root. */
export const PAGES: readonly string[] = [
  'README.md',
  ...globSync('docs/guide/*.md', { cwd: ROOT }).toSorted(),
];

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** The blocks of all pages, or of those in one of these languages. */
export function blocks(...languages: readonly string[]): readonly Block[] {
  const all = PAGES.flatMap((page) => {
    const text = readPage(page);
    return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map((found): Block => {
      const line = text.slice(0, found.index).split('\n').length;
      return { place: `${page}:${line}`, language: found[1] ?? '', text: found[2] ?? '' };
    });
  });
  return languages.length === 0 ? all : all.filter(({ language }) => languages.includes(language));
}

/** What stands in backticks in the text around the blocks. */
export function inlineCode(page: string): readonly string[] {
  const prose = readPage(page).replace(/^```[^]*?^```$/gm, '');
  return [...prose.matchAll(/(?<!`)`([^`\n]+)`(?!`)/g)].map(([, code = '']) => code);
}

/** All of it, of all pages, each with its page. */
export function inlineCodes(): readonly (readonly [page: string, code: string])[] {
  return PAGES.flatMap((page) => inlineCode(page).map((code) => [page, code] as const));
}

/** A command as it is typed, with what the terminal showed after it. */
export interface Step {
  readonly command: string;
  readonly answer: string;
}

/** The commands of a block that shows a terminal: they follow `$ `, and end with their last line. */
export function steps(text: string): readonly Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const lines = step.split('\n');
      let count = 1;
      while (count < lines.length && !isWhole(lines.slice(0, count).join('\n'))) count += 1;
      return {
        command: lines.slice(0, count).join('\n'),
        answer: lines.slice(count).join('\n').trim(),
      };
    });
}

/** Whether a shell would run it: no quote is open, and no backslash asks for another line. */
function isWhole(command: string): boolean {
  const rest = command.replaceAll(/'[^']*'|"(?:\\.|[^"\\])*"/g, '');
  return !/['"]/.test(rest) && !rest.endsWith('\\');
}
