import type { ChangeView } from '../change/decode.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { LogRecord } from '../log/log.ts';
import type { Dispatcher } from '../subscription/dispatcher.ts';

/** A record with what the decoder makes of it. */
export interface ReadRecord {
  readonly record: LogRecord;
  readonly view: ChangeView;
}

/**
 * Reads one record that was read before.
 * @throws TidingsError `LOG_PRUNED` when retention has removed it.
 */
export async function readRecord(
  { log, decoder }: Dispatcher,
  source: string,
  offset: number,
): Promise<ReadRecord> {
  const { records } = await log.read({ from: offset, to: offset + 1, limit: 1 });
  const [record] = records;
  if (record === undefined) {
    throw new TidingsError('LOG_PRUNED', { offset, source, floor: log.floor });
  }
  return { record, view: decoder.view(record) };
}
