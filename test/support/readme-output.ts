/** Commands and outputs as README shows them, to be compared with what is really printed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A section of README, without its heading. */
export function readmeSection(heading: string): string {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const [, rest = ''] = readme.split(`${heading}\n`);
  const [text = ''] = rest.split('\n## ');
  return text;
}

/** A command with the lines that follow it in its block. */
export interface Step {
  readonly command: string;
  readonly answer: readonly string[];
}

/** The commands of a section; what a shell takes for a comment behind one is left out. */
export function readmeSteps(text: string): readonly Step[] {
  return readmeBlocks(text).flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...lines] = step.trimEnd().split('\n');
        return { command: command.replace(/ +# .*/, ''), answer: lines };
      }),
  );
}

/** The blocks of a section that are in no language: commands and outputs. */
export function readmeBlocks(text: string): readonly string[] {
  // Blocks of every language, so that the end of one is not taken for the beginning of another.
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].flatMap(([, language, block = '']) =>
    language === '' ? [block] : [],
  );
}

/**
 * What differs between an output and what README has of it; null when nothing does. A line `…` stands
 * for any lines, `…` in a line for any text. Times, numbers and widths differ between two runs, and so
 * do secrets and directories.
 */
export function difference(output: string, expected: readonly string[]): string | null {
  const lines = shapes(output.split('\n'));
  let at = 0;
  let skips = false;
  for (const wanted of shapes(expected)) {
    if (wanted === '…') {
      skips = true;
      continue;
    }
    const form = new RegExp(`^${wanted.split('…').map(literal).join('.*')}$`);
    const found = skips ? lines.findIndex((line, index) => index >= at && form.test(line)) : at;
    if (found < 0 || !form.test(lines[found] ?? '')) {
      return `README has\n  ${wanted}\nand what is printed is\n${lines.slice(at).join('\n')}`;
    }
    at = found + 1;
    skips = false;
  }
  if (skips || at >= lines.length) return null;
  return `README does not have\n${lines.slice(at).join('\n')}`;
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function shapes(lines: readonly string[]): readonly string[] {
  return lines.map(shape).filter((line) => line !== '');
}

function shape(line: string): string {
  return line
    .replaceAll(/\d\d:\d\d:\d\d(\.\d+)?/g, 'TIME')
    .replaceAll(/[\d.]+ m?s\b/g, 'DURATION')
    .replaceAll(/\bby \S+/g, 'by WHOM')
    .replaceAll(/whsec_[\w+/=]+…?/g, 'SECRET')
    .replaceAll(/[\d,]*\d/g, 'N')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
