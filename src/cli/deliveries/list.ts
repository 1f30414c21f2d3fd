import { InvalidArgumentError } from 'commander';
import type { DeliveryReport, DeliveryStateName } from '../../app/administration.ts';
import { suggest } from '../../config/suggest.ts';
import { type ApiAction, type ApiContext, completeWithApi } from '../api-client.ts';
import { parseLimit } from '../arguments.ts';
import type { CommandLines } from '../command-line.ts';
import { type DeclareCommand, printJson, textOption } from '../command.ts';
import { withFixedValues } from '../fixed-values.ts';
import { type DeliveryPages, deliveryPages } from './delivery-pages.ts';
import { DeliveryTable } from './delivery-table.ts';

const STATES: readonly DeliveryStateName[] = ['retrying', 'blocked', 'parked', 'discarded'];

export const declareList: DeclareCommand = (deliveries, runtime) => {
  const command = deliveries
    .command('list', { isDefault: true })
    .summary('List them')
    .description(
      'Lists deliveries that are not done, by subscription and offset: retrying waits for its next attempt, blocked for an earlier change of its row, parked for a person.',
    )
    .argument('[subscription]', 'only of this one')
    .option(
      '--state <states>',
      `of ${STATES.join(', ')}; with commas between`,
      withFixedValues(parseStates, STATES),
    )
    .option('--limit <count>', 'stop after so many', parseLimit)
    .option('--after <place>', 'go on where a list with --limit stopped');
  const examples = [
    ['tidings deliveries', 'all that are not done'],
    ['tidings deliveries crm --state parked', 'what crm did not take'],
    ['tidings deliveries --json --state parked | wc -l', 'for a script'],
  ] as const;
  completeWithApi(command, runtime, { json: 'a DeliveryReport per line', examples }, list);
};

function parseStates(text: string): readonly DeliveryStateName[] {
  return text.split(',').map((word) => {
    const state = STATES.find((each) => each === word);
    if (state !== undefined) return state;
    const meant = suggest(word, STATES);
    const question = meant === null ? '' : `Did you mean ${meant}? `;
    throw new InvalidArgumentError(`${question}Write some of ${STATES.join(', ')}.`);
  });
}

const list: ApiAction = async (context, options, [subscription]) => {
  const { api, io, json, commands } = context;
  const states = options['state'] as readonly DeliveryStateName[] | undefined;
  const limit = options['limit'] as number | undefined;
  const query = { subscription, states, limit, after: textOption(options, 'after') };
  const table = new DeliveryTable(io.stdout, subscription === undefined);
  let first: DeliveryReport | undefined;
  let next: string | null = null;
  for await (const page of deliveryPages(api, query)) {
    const { deliveries } = page;
    first ??= deliveries[0];
    next = page.next;
    if (json) for (const delivery of deliveries) printJson(io, delivery);
    else if (deliveries.length > 0) io.stdout.write(table.render(deliveries));
    await io.stdout.drained();
  }
  if (next !== null) tellMore(context, { subscription, states, limit, next });
  else if (!json) {
    io.stdout.write(first === undefined ? nothing(states) : suggestion(first, commands));
  }
  return 0;
};

/** The list that goes on where this one stopped, of the same deliveries and as long. */
function tellMore(
  { io, commands }: ApiContext,
  { states, limit, subscription, next }: Omit<DeliveryPages, 'after'> & { readonly next: string },
): void {
  const words = [
    'deliveries',
    ...(subscription === undefined ? [] : [subscription]),
    ...(states === undefined ? [] : ['--state', states.join(',')]),
    ...(limit === undefined ? [] : ['--limit', String(limit)]),
    '--after',
    next,
  ];
  io.stderr.write(`There are more: ${commands.of(...words)}\n`);
}

function nothing(states: readonly DeliveryStateName[] | undefined): string {
  return states === undefined
    ? 'Nothing waits and nothing is parked.\n'
    : `No delivery is ${states.join(' or ')}.\n`;
}

function suggestion({ subscription, offset }: DeliveryReport, commands: CommandLines): string {
  return `Details of one: ${commands.of('deliveries', 'show', subscription, String(offset))}\n`;
}
