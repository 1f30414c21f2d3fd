import type { DeliveryReport, DeliveryStateName } from '../../app/administration.ts';
import { formatCount, formatDuration } from '../terminal/format.ts';
import { harmless } from '../../util/harmless.ts';
import { type Paint, painter, type Style } from '../terminal/style.ts';
import { GrowingTable, type TableOutput } from '../terminal/table.ts';
import { truncate } from '../terminal/width.ts';

const STATE_STYLES: Readonly<Record<DeliveryStateName, Style>> = {
  retrying: 'yellow',
  blocked: 'yellow',
  parked: 'red',
  discarded: 'dim',
};

/** Widest key that is shown; a longer one is in `tidings deliveries show`. */
const KEY_WIDTH = 30;
/** Widest error; one line each is what makes it a table. */
const ERROR_WIDTH = 60;

/** Deliveries as a table that comes page by page. */
export class DeliveryTable {
  readonly #paint: Paint;
  readonly #withName: boolean;
  readonly #table: GrowingTable;

  /** @param withName whether it has those of several subscriptions. */
  constructor(output: TableOutput, withName: boolean) {
    this.#paint = painter(output);
    this.#withName = withName;
    this.#table = new GrowingTable(
      [
        ...(withName ? [{ title: 'SUBSCRIPTION', cut: true }] : []),
        { title: 'OFFSET', align: 'right' },
        { title: 'TABLE', cut: true },
        { title: 'KEY', cut: true },
        { title: 'STATE' },
        { title: 'ATTEMPTS', align: 'right' },
        { title: 'NEXT' },
        { title: 'LAST ERROR', cut: true },
      ],
      output,
    );
  }

  render(deliveries: readonly DeliveryReport[]): string {
    const now = Date.now();
    return this.#table.render(
      deliveries.map((delivery) => [
        ...(this.#withName ? [harmless(delivery.subscription)] : []),
        String(delivery.offset),
        harmless(delivery.table),
        delivery.key === null ? '–' : truncate(oneLine(delivery.key), KEY_WIDTH),
        this.#paint(STATE_STYLES[delivery.state], delivery.state),
        formatCount(delivery.attempts),
        nextAttemptText(delivery, now),
        truncate(lastErrorText(delivery), ERROR_WIDTH),
      ]),
    );
  }
}

/** When it is attempted again. */
export function nextAttemptText({ nextAttemptAt }: DeliveryReport, now: number): string {
  if (nextAttemptAt === null) return '–';
  const wait = Date.parse(nextAttemptAt) - now;
  return wait <= 0 ? 'now' : `in ${formatDuration(wait)}`;
}

function lastErrorText({ discarded, lastError }: DeliveryReport): string {
  if (discarded !== null) return oneLine(discarded.reason);
  if (lastError === null) return '–';
  const { code, message, status } = lastError;
  return oneLine(status === null ? `${code}: ${message}` : `HTTP ${status}: ${message}`);
}

function oneLine(text: string): string {
  return harmless(text.replace(/\s+/g, ' '));
}
