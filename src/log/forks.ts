import type { LogFork } from './log.ts';

/** The fork that has abandoned the record at an offset; null when the source's history has it. */
export function abandonedBy(forks: readonly LogFork[], offset: number): LogFork | null {
  // Almost always there are none.
  if (forks.length === 0) return null;
  return forks.findLast((fork) => offset >= fork.abandoned && offset < fork.offset) ?? null;
}

/** `offsets 120 to 135`, or what to say when there are none. */
export function abandonedText({ abandoned, offset }: LogFork): string {
  if (abandoned === offset) return 'no offset';
  return abandoned + 1 === offset ? `offset ${abandoned}` : `offsets ${abandoned} to ${offset - 1}`;
}
