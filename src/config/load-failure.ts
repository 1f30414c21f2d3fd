import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripTypes } from './strip-types.ts';
import type { TextPlace } from './text-place.ts';

/** Where in a file of the user something went wrong. */
interface FilePlace extends TextPlace {
  readonly file: string;
}

/**
 * Why a module of the user could not be loaded: the message, the place in their own files, and the
 * line itself. No stack: of its frames only one is theirs.
 * @param loaded the file that was to be loaded, absolute.
 * @param directory paths are shown as from here.
 */
export function describeLoadFailure(error: unknown, loaded: string, directory: string): string {
  if (!(error instanceof Error)) return String(error);
  const [message = ''] = error.message.split('\n');
  const place = placeOfSyntax(error) ?? placeOfFrame(error) ?? placeByParsing(error, loaded);
  const what = `${error.name}: ${message}`;
  if (place === null) return what;
  const { file, line, column } = place;
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return `${what}\n  at ${shownPath(file, directory)}, line ${line}, column ${column}:\n${excerpt(text, place)}`;
}

/** The line of a place with a mark below it; what may be secret in it is masked. */
export function excerpt(text: string, { line, column }: TextPlace): string {
  const shown = masked(text.split(/\r?\n/)[line - 1] ?? '');
  // A tab below a tab keeps the mark in its place.
  const before = shown.slice(0, column - 1).replace(/[^\t]/g, ' ');
  return `    ${shown}\n    ${before}^`;
}

/** Texts of a line that speaks of an address or a secret, at their length: columns stay in place. */
function masked(line: string): string {
  if (!/url|secret|token|pass|key|header|auth|whsec_|:\/\//i.test(line)) return line;
  return line.replace(/(["'`])([^"'`]{8,})/g, (_, quote: string, text: string) => {
    return quote + '*'.repeat(text.length);
  });
}

function shownPath(file: string, directory: string): string {
  const fromHere = relative(directory, file);
  return fromHere.startsWith('..') ? file : fromHere;
}

/** Node.js puts the place of what does not parse in front of the stack, with a mark below the line. */
function placeOfSyntax({ stack = '' }: Error): FilePlace | null {
  const [, file = '', line = '', before] =
    /^(\S.*):(\d+)\n(?:.*\n){1,3}?([ \t]*)\^/.exec(stack) ?? [];
  if (before === undefined || !isOfUser(file)) return null;
  return { file: toPath(file), line: Number(line), column: before.length + 1 };
}

/** The first frame of the stack that is in the user's own files. */
function placeOfFrame({ stack = '' }: Error): FilePlace | null {
  for (const text of stack.split('\n')) {
    const [, file = '', line = '', column = ''] =
      /^\s+at (?:.*\()?((?:file:|\/|[A-Za-z]:\\).*):(\d+):(\d+)\)?$/.exec(text) ?? [];
    if (file === '' || !isOfUser(file)) continue;
    return { file: toPath(file), line: Number(line), column: Number(column) };
  }
  return null;
}

/** Of a JavaScript module that does not parse Node.js keeps the place to itself; so it is read again. */
function placeByParsing(error: Error, file: string): FilePlace | null {
  if (error.name !== 'SyntaxError' || !existsSync(file)) return null;
  try {
    stripTypes(readFileSync(file, 'utf8'), file);
    return null; // The mistake is in something that it imports.
  } catch (again) {
    if (!(again instanceof Error)) return null;
    const [, line = '', before] =
      /^.*:(\d+)\n(?:.*\n){1,3}?([ \t]*)\^/.exec(again.stack ?? '') ?? [];
    return before === undefined ? null : { file, line: Number(line), column: before.length + 1 };
  }
}

/** What is installed is not what one corrects, and neither is Tidings itself. */
function isOfUser(file: string): boolean {
  return !file.startsWith('node:') && !/[\\/]node_modules[\\/]/.test(file) && !isOwn(toPath(file));
}

const OWN = fileURLToPath(new URL('..', import.meta.url));

function isOwn(path: string): boolean {
  return path.startsWith(OWN);
}

function toPath(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file;
}
