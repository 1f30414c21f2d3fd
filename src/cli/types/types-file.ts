import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { differentLine, isRowTypes, isSameRowTypes } from '../../app/row-types/row-types-text.ts';
import { shellWord } from '../../errors/shell-word.ts';
import { TidingsError } from '../../errors/tidings-error.ts';

/** A file, and its name as it was given. */
interface NamedFile {
  readonly path: string;
  readonly shown: string;
}

/**
 * Asked before a database is.
 * @throws TidingsError `FOLDER_MISSING`, and `FILE_EXISTS` for one that somebody else wrote.
 */
export function requireReplaceable(
  path: string,
  { shown, force }: { readonly shown: string; readonly force: boolean },
): void {
  if (!existsSync(dirname(path))) {
    const folder = dirname(shown);
    const details = { folder, folderWord: shellWord(folder), path: shown };
    throw new TidingsError('FOLDER_MISSING', details);
  }
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) {
    throw new TidingsError('SYSTEM_ERROR', { operation: 'write', path: shown, reason: 'EISDIR' });
  }
  if (force || isRowTypes(readFileSync(path, 'utf8'))) return;
  throw new TidingsError('FILE_EXISTS', { path: shown });
}

/** @returns false when it has this text already: it is not touched then, so that nothing that watches it begins anew. */
export function writeTypesFile({ path }: NamedFile, text: string): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  writeFileSync(path, text);
  return true;
}

/** @throws TidingsError `TYPES_OUTDATED` unless the file has this text. */
export function checkTypesFile(
  { path, shown }: NamedFile,
  text: string,
  { source, command }: { readonly source: string; readonly command: (force: boolean) => string },
): void {
  const outdated = (difference: string, force: boolean): TidingsError =>
    new TidingsError('TYPES_OUTDATED', {
      path: shown,
      source,
      difference,
      command: command(force),
    });
  if (!existsSync(path)) throw outdated('there is no such file', false);
  const found = statSync(path).isDirectory() ? '' : readFileSync(path, 'utf8');
  if (!isRowTypes(found)) throw outdated('something else is in the file', true);
  if (isSameRowTypes(found, text)) return;
  const line = differentLine(found, text) ?? 1;
  const at = (of: string): string => of.split(/\r?\n/)[line - 1]?.trim() ?? 'nothing';
  throw outdated(`line ${line} has \`${at(found)}\` instead of \`${at(text)}\``, false);
}
