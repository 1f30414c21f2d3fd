import type { DeliveryReport, DeliveryStateName } from '../../app/administration.ts';
import { parseWire, type WireChange } from '../../change/wire.ts';
import {
  type ApiAction,
  type ApiClient,
  completeWithApi,
  subscriptionPath,
} from '../api-client.ts';
import { ApiProblem } from '../api-problem.ts';
import { checkOffset } from '../arguments.ts';
import { changeLine } from '../change-line.ts';
import { type CommandContext, type DeclareCommand, printJson } from '../command.ts';
import type { Output } from '../io.ts';
import { formatCount, formatTime } from '../terminal/format.ts';
import { harmless } from '../../util/harmless.ts';
import { painter } from '../terminal/style.ts';
import { nextAttemptText } from './delivery-table.ts';

export const declareShow: DeclareCommand = (deliveries, runtime) => {
  const command = deliveries
    .command('show')
    .summary('Show one with its last answer')
    .description(
      'Shows one delivery that is not done or was given up: its change, its attempts, and what the endpoint said last.',
    )
    .argument('<subscription>', 'the subscription')
    .argument('<offset>', 'the offset of the change', checkOffset);
  const examples = [['tidings deliveries show crm 1200', 'why it is not done']] as const;
  const json =
    '{"delivery": a DeliveryReport, "change": as on the wire, null when it is gone or too large}';
  completeWithApi(command, runtime, { json, examples }, show);
};

const show: ApiAction = async (context, _options, [name = '', offset = '']) => {
  const { api, io, json } = context;
  const path = `${subscriptionPath(name)}/deliveries/${offset}`;
  const delivery = await api.ask<DeliveryReport>(path);
  const change = await findChange(api, path);
  if (json) printJson(io, { delivery, change: change instanceof ApiProblem ? null : change });
  else io.stdout.write(deliveryText(delivery, change, context));
  return 0;
};

/** The change, or why it cannot be shown; null when retention has removed it. */
type Found = WireChange | ApiProblem | null;

async function findChange(api: ApiClient, path: string): Promise<Found> {
  try {
    return (await api.ask<{ readonly change: WireChange | null }>(`${path}/change`)).change;
  } catch (error) {
    // The delivery is what was asked for, and it is there without its change too.
    if (error instanceof ApiProblem && error.code === 'VALUE_TOO_LARGE') return error;
    throw error;
  }
}

function deliveryText(
  delivery: DeliveryReport,
  change: Found,
  { io, commands }: CommandContext,
): string {
  const output = io.stdout;
  const paint = painter(output);
  const { subscription, offset, table, key, state, attempts, failedAt, lastError } = delivery;
  const waits =
    delivery.nextAttemptAt === null ? '' : `, the next ${nextAttemptText(delivery, Date.now())}`;
  const since = failedAt === null ? '' : `, the first failed at ${formatTime(failedAt)}`;
  const status = lastError?.status ?? null;
  const facts: readonly (readonly [string, string | null])[] = [
    ['delivery', `offset ${formatCount(offset)} to ${subscription}`],
    ['row', `${table}${key === null ? '' : ` ${key}`}`],
    ['state', state],
    ['attempts', `${formatCount(attempts)}${since}${waits}`],
    ['error', lastError === null ? null : `${lastError.code}: ${lastError.message}`],
    ['answer', status === null ? null : `HTTP ${status}`],
    ['given up', delivery.discarded === null ? null : givenUpText(delivery.discarded)],
  ];
  const lines = facts.flatMap(([what, text]) =>
    text === null ? [] : [`${paint('dim', what.padEnd(9))} ${harmless(text)}\n`],
  );
  const excerpt = lastError?.stack ?? lastError?.excerpt ?? '';
  const said = excerpt === '' ? '' : `${indented(excerpt)}\n`;
  const next = NEXT[state].map(
    ([what, words]) =>
      `${what}: ${commands.of('deliveries', ...words(subscription, String(offset)))}\n`,
  );
  return [...lines, said, changeText(change, output), ...next].join('');
}

function givenUpText({ reason, at }: { readonly reason: string; readonly at: string }): string {
  return `${formatTime(at)}: ${reason}`;
}

function indented(text: string): string {
  return harmless(text.trimEnd()).replace(/^/gm, '  ');
}

function changeText(change: Found, output: Output): string {
  if (change === null) return 'Its change is not in the log any more.\n';
  if (change instanceof ApiProblem) return `${harmless(change.message)}\n`;
  return `${changeLine(parseWire(change), output)}\n`;
}

type Next = readonly [what: string, words: (name: string, offset: string) => readonly string[]];

const REPLAY = (name: string, offset: string): readonly string[] => ['replay', name, offset];

const NEXT: Readonly<Record<DeliveryStateName, readonly Next[]>> = {
  retrying: [['Attempt it now', (name, offset) => ['retry', name, offset]]],
  blocked: [['It waits for an earlier change of its row', (name) => [name]]],
  parked: [
    ['Deliver it again', REPLAY],
    ['Give it up', (name, offset) => ['discard', name, offset, '--reason', 'TEXT']],
  ],
  discarded: [['Deliver it all the same', REPLAY]],
};
