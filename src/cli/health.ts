import type { Readiness } from '../server/readiness.ts';
import { type ApiAction, completeWithApi } from './api-client.ts';
import { type DeclareCommand, printJson } from './command.ts';

/** Milliseconds. Whatever asks for health gives up soon itself, and would not say why. */
const DEADLINE = 5_000;

export const declareHealth: DeclareCommand = (program, runtime) => {
  const command = program
    .command('health')
    .summary('Ask whether the service is up')
    .description(
      'Ends with 0 when the service answers, for the health check of a container: start it anew when this fails. With --ready every source has to stream as well; leave the service alone when only that fails, because it connects again by itself.',
    )
    .option('--ready', 'whether every source streams as well');
  const examples = [
    ['tidings health', 'the service of the data directory'],
    ['tidings health --ready', 'before what needs the changes is started'],
    ['tidings health --api http://127.0.0.1:7070', 'without its data directory'],
  ] as const;
  const json = 'what /healthz answers, or with --ready /readyz';
  completeWithApi(command, runtime, { json, examples }, health);
};

const health: ApiAction = async ({ api, io, json }, options) => {
  if (options['ready'] !== true) {
    const answer = await api.probe('/healthz', DEADLINE);
    if (json) printJson(io, answer);
    else io.stdout.write('up\n');
    return 0;
  }
  const answer = (await api.probe('/readyz', DEADLINE)) as Readiness;
  if (json) printJson(io, answer);
  else {
    const lines = answer.sources.map(
      ({ source, state, code }) => `${source}  ${state}${code === null ? '' : `  ${code}`}\n`,
    );
    io.stdout.write(lines.join(''));
  }
  return answer.ready ? 0 : 1;
};
