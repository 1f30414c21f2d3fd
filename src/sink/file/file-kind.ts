import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ConfiguredEndpoint, SinkKind } from '../sink-kind.ts';
import { fileSchema, type FileSettings, fileShown } from './file-settings.ts';
import { FileSink } from './file-sink.ts';

/** `to: { file: { path } }`: each change is a line of a file. */
export const FILE_KIND: SinkKind<typeof fileSchema, typeof fileShown> = {
  schema: fileSchema,
  shown: fileShown,
  located: (settings, absolute) => ({ ...settings, path: absolute(settings.path) }),
  configured,
  label: ({ path }) => path,
  details: ({ path }) => [['to', path]],
};

function configured({ path, rotate }: FileSettings): ConfiguredEndpoint {
  return {
    file: path,
    problems: () => [],
    missing: () => [],
    refusedOverHttp: () => 'a file, which would be written on this machine',
    shown: () => ({ path }),
    keepSecrets: (written) => written,
    check: () => check({ path, rotate }),
    open: () => Promise.resolve(new FileSink(path, rotate)),
  };
}

function check({ path, rotate }: FileSettings): ReturnType<ConfiguredEndpoint['check']> {
  const { R_OK, W_OK, X_OK } = constants;
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) return failed(`${path} is a folder`);
  const folder = nearestFolder(dirname(path));
  try {
    if (there !== undefined) accessSync(path, there.isFile() ? R_OK | W_OK : W_OK);
    // A full file is renamed, and a new one made.
    if (there === undefined || rotate !== undefined) accessSync(folder, W_OK | X_OK);
  } catch {
    // The answer is the check's result.
    return failed(`${there === undefined ? folder : path} cannot be written by this user`);
  }
  if (statSync(folder).isDirectory()) return { status: 'ok', message: `appends to ${path}` };
  return failed(`${folder} is no folder`);
}

function failed(message: string): ReturnType<ConfiguredEndpoint['check']> {
  return { status: 'failed', message, fix: 'Change its owner, or to.file.path' };
}

/** The nearest that exists: folders that are not there are made with the first line. */
function nearestFolder(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestFolder(dirname(path));
}
