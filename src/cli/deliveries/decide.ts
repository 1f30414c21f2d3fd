import type { DeliveryReport, DeliveryStateName } from '../../app/administration.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import { type ApiContext, subscriptionPath } from '../api-client.ts';
import { ApiProblem } from '../api-problem.ts';
import { Progress } from '../terminal/progress.ts';
import { eachDelivery } from './delivery-pages.ts';

/** A decision about deliveries of one subscription. */
export interface Decision {
  readonly subscription: string;
  /** One delivery; undefined for all in a state. */
  readonly offset: number | undefined;
  readonly all: DeliveryStateName | null;
  /** The last part of the route, such as `retry`. */
  readonly verb: string;
  readonly body?: unknown;
}

/** How many it was done to, and how many were done or under way before it was their turn. */
export interface Decided {
  readonly done: number;
  readonly skipped: number;
}

/** Between listing and deciding, an attempt may have begun or ended: then there is nothing to decide. */
const OVERTAKEN = new Set(['EXCEPTION_UNKNOWN', 'DELIVERY_IN_FLIGHT', 'DELIVERY_BLOCKED']);

/**
 * Takes exactly one of an offset and the flag for all.
 * @throws TidingsError `USAGE`
 */
export function refuseUnclear(
  { offset, all }: Pick<Decision, 'offset' | 'all'>,
  flag: string,
  command: string,
): void {
  if ((offset === undefined) !== (all === null)) return;
  const problem = `Say which: an offset, or ${flag}.`;
  throw new TidingsError('USAGE', { problem, command });
}

/** Carries it out: for one, any error is told; of many, those that were overtaken are skipped. */
export async function decide(context: ApiContext, decision: Decision): Promise<Decided> {
  const { subscription, offset, all } = decision;
  if (offset !== undefined) {
    await decideOne(context, decision, offset);
    return { done: 1, skipped: 0 };
  }
  const states = all === null ? [] : [all];
  using progress = new Progress(context.io.stderr, 'Asking', 'deliveries');
  let done = 0;
  let skipped = 0;
  for await (const delivery of eachDelivery(context.api, { subscription, states })) {
    if (await decideIfOpen(context, decision, delivery)) done += 1;
    else skipped += 1;
    progress.update(done + skipped, null);
  }
  return { done, skipped };
}

async function decideIfOpen(
  context: ApiContext,
  decision: Decision,
  { offset }: DeliveryReport,
): Promise<boolean> {
  try {
    await decideOne(context, decision, offset);
    return true;
  } catch (error) {
    if (error instanceof ApiProblem && OVERTAKEN.has(error.code)) return false;
    throw error;
  }
}

async function decideOne(
  { api }: ApiContext,
  { subscription, verb, body }: Decision,
  offset: number,
): Promise<void> {
  await api.ask(`${subscriptionPath(subscription)}/deliveries/${offset}/${verb}`, {
    method: 'POST',
    ...(body === undefined ? {} : { body }),
  });
}
