import type { ReplayReport, ReplayRequest } from '../app/administration.ts';
import type { StartAt } from '../option/start-at.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { type ApiContext, subscriptionPath } from './api-client.ts';
import { printJson } from './command.ts';
import type { ParsedOptions } from './command-line.ts';
import { formatCount } from './terminal/format.ts';

/** How a command is told that it was not said what to replay. */
export interface ReplayQuestion {
  readonly problem: string;
  readonly command: string;
}

/**
 * What is to be delivered again, by exactly one of an offset, `--parked` and `--from`.
 * @throws TidingsError `USAGE`
 */
export function requestOf(
  options: ParsedOptions,
  offset: number | null,
  question: ReplayQuestion,
): ReplayRequest {
  const { from, to, parked } = options as { from?: StartAt; to?: StartAt; parked?: true };
  const range = from === undefined ? [] : [{ from, ...(to === undefined ? {} : { to }) }];
  const requests: readonly ReplayRequest[] = [
    ...(offset === null ? [] : [{ offset }]),
    ...(parked === true ? [{ parked } as const] : []),
    ...range,
  ];
  const [request] = requests;
  if (request === undefined || requests.length > 1) {
    throw new TidingsError('USAGE', { ...question });
  }
  if (to !== undefined && from === undefined) {
    const problem = '--to ends a range: say with --from where it begins.';
    throw new TidingsError('USAGE', { ...question, problem });
  }
  return request;
}

/** Asks the service for it and says what it will do. */
export async function requestReplay(
  { api, io, json, commands }: ApiContext,
  name: string,
  body: ReplayRequest,
): Promise<number> {
  const report = await api.ask<ReplayReport>(`${subscriptionPath(name)}/replay`, {
    method: 'POST',
    body,
  });
  const nothing = report.to <= report.from;
  if (json) printJson(io, report);
  else if (nothing) {
    const why = 'parked' in body ? 'is parked' : 'lies in that range';
    io.stdout.write(`Nothing ${why}, so nothing is delivered to ${name}.\n`);
  } else {
    const follow = commands.of('subscriptions', 'show', name);
    io.stdout.write(`${whatText(body, report)} to ${name} once more. Follow it: ${follow}\n`);
  }
  return 0;
}

function whatText(request: ReplayRequest, { from, to }: ReplayReport): string {
  if ('offset' in request) return `Delivers offset ${formatCount(request.offset)}`;
  if ('parked' in request) return 'Delivers everything that is parked';
  return `Delivers what it gets of the offsets ${formatCount(from)} to ${formatCount(to - 1)}`;
}
