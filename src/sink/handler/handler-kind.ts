import { existsSync } from 'node:fs';
import { z } from 'zod';
import { text } from '../../option/value.ts';
import type { ConfiguredEndpoint, SinkKind } from '../sink-kind.ts';
import { HandlerSink } from './handler-sink.ts';
import { loadHandlerModule } from './handler-module.ts';

const schema = text();
const shown = z.string();

/** `to: { handler: './crm.ts' }`: an object of this process, from a module of the user. */
export const HANDLER_KIND: SinkKind<typeof schema, typeof shown> = {
  schema,
  shown,
  located: (path, absolute) => absolute(path),
  configured,
  label: (path) => path,
  details: (path) => [['to', path]],
};

function configured(path: string): ConfiguredEndpoint {
  return {
    file: null,
    problems: () => [],
    missing: () => [],
    refusedOverHttp: () => 'a handler, which would run code of this machine',
    shown: () => path,
    keepSecrets: (written) => written,
    check: () =>
      existsSync(path)
        ? { status: 'ok', message: `tells ${path}` }
        : {
            status: 'failed',
            message: `its handler module ${path} is not there`,
            fix: 'Write it, or change to.handler',
          },
    open: async ({ subscription }) => new HandlerSink(subscription, await loadHandlerModule(path)),
  };
}
