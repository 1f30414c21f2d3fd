import { accessSync, constants, existsSync } from 'node:fs';
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
    check: () => check(path),
    open: () => Promise.resolve(new FileSink(path, rotate)),
  };
}

function check(path: string): ReturnType<ConfiguredEndpoint['check']> {
  const nearest = nearestExisting(path);
  try {
    accessSync(nearest, constants.W_OK);
    return { status: 'ok', message: `appends to ${path}` };
  } catch {
    // The answer is the check's result.
    const message = `${nearest} cannot be written by this user`;
    return { status: 'failed', message, fix: 'Change its owner, or to.file.path' };
  }
}

/** The file or the nearest folder above that exists: what is not there is made with the first line. */
function nearestExisting(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestExisting(dirname(path));
}
