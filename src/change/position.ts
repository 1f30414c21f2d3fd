/*
 * A position in the log is the source's own, and sorts in log order. When the source's history has
 * gone back, its own positions begin anew at an earlier one; so those of the log are preceded by how
 * often that has happened: `0000000005000158`, then `r0001.0000000005000158`. They go on sorting, and
 * no change id is used twice (invariant 7): two histories can commit at the same place.
 */

const FORKED = /^r(\d{4})\./;

/** What precedes the source's own position: nothing in the first history. */
export function historyOf(position: string | null): string {
  return FORKED.exec(position ?? '')?.[0] ?? '';
}

/** The source's own position. */
export function sourcePosition(position: string): string {
  return position.replace(FORKED, '');
}

/** What precedes the positions after the next fork. A letter sorts after all digits of an LSN. */
export function nextHistory(history: string): string {
  const number = Number(FORKED.exec(history)?.[1] ?? 0) + 1;
  return `r${String(number).padStart(4, '0')}.`;
}
