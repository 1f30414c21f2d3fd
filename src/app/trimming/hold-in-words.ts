import type { LogHolder } from './log-hold.ts';

/** What somebody needs the log for, behind the subscription's name. */
export function needsInWords(holder: LogHolder): string {
  return WORDS[holder.why](holder);
}

const WORDS: Readonly<Record<LogHolder['why'], (holder: LogHolder) => string>> = {
  cursor: ({ offset }) => `has not read on from offset ${offset}`,
  replay: ({ offset }) => `is to get everything from offset ${offset} on again`,
  deliveries: ({ offset }) =>
    `has more than half of the records from offset ${offset} on waiting or parked`,
  kept: ({ offset, kept }) => {
    const { records, bytes } = kept ?? { records: 0, bytes: 0 };
    const counted = `${records} ${records === 1 ? 'record' : 'records'} (${sizeInWords(bytes)})`;
    return `has ${counted} kept aside for deliveries that wait or are parked, from offset ${offset} on`;
  },
};

/** The command that shows it, without the program's name and the subscription. */
export const SHOWN_BY: Readonly<Record<LogHolder['why'], readonly string[]>> = {
  cursor: ['subscriptions', 'show'],
  replay: ['subscriptions', 'show'],
  deliveries: ['deliveries'],
  kept: ['deliveries'],
};

/** Records may be few, and segments are large. */
export function sizeInWords(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
