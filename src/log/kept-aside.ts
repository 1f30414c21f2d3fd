import type { LogReader, LogRecord, TableId } from './log.ts';

/** A record that was kept aside of a log, its table version by number: `state/kept-record.ts`. */
export type RecordAside = Omit<LogRecord, 'table'> & { readonly tableId: TableId };

/** What is known of such a record without reading its images. */
export type NoteAside = Omit<RecordAside, 'images'>;

/** Where records are that were kept aside of logs when their segments went; the state has them. */
export interface KeptAside {
  /** Null when it is not kept. */
  keptRecord(source: string, offset: number): Promise<RecordAside | null>;
  /** One page in the order of offsets, from `from` on. */
  keptNotes(
    source: string,
    page: { readonly from: number; readonly limit: number },
  ): Promise<readonly NoteAside[]>;
}

/** One source's log with what was kept aside of it. */
export interface RecordPlaces {
  readonly source: string;
  readonly log: LogReader;
  readonly kept: KeptAside;
}

/** Reads one record, from the log or from what was kept aside of it; null when it is gone. */
export async function readRecordAt(
  { source, log, kept }: RecordPlaces,
  offset: number,
): Promise<LogRecord | null> {
  if (offset >= log.floor) {
    const { records } = await log.read({ from: offset, to: offset + 1, limit: 1 });
    const [record] = records;
    if (record !== undefined) return record;
  }
  const aside = await kept.keptRecord(source, offset);
  if (aside === null) return null;
  const { tableId, ...rest } = aside;
  const table = log.tables().find(({ id }) => id === tableId);
  return table === undefined ? null : { ...rest, table };
}

/** Notes are small, and there may be a hundred thousand. */
const PAGE = 1_000;

/** What is kept aside of a log and no longer in it, in log order. */
export async function* notesAside({ source, log, kept }: RecordPlaces): AsyncGenerator<NoteAside> {
  const { floor } = log;
  for (let from = 0; from < floor;) {
    const page = await kept.keptNotes(source, { from, limit: PAGE });
    for (const note of page) if (note.offset < floor) yield note;
    from = page.length < PAGE ? floor : (page.at(-1)?.offset ?? floor) + 1;
  }
}

/** Offsets that are named; of more only the number is said. */
const NAMED = 10;

/** `offset 3`, `offsets 3, 13`, or `offsets 3, 13, … and 90 more`; there has to be one. */
export function offsetsInWords(offsets: readonly number[]): string {
  const named = offsets.slice(0, NAMED).join(', ');
  const more = offsets.length - NAMED;
  return `offset${offsets.length === 1 ? '' : 's'} ${named}${more > 0 ? ` and ${more} more` : ''}`;
}
