import { lsnToPosition } from '../wire/position.ts';

/**
 * One timeline of a server's history, and where it left the one before it. A server begins another
 * when it is promoted, or when it was restored to a moment.
 */
export interface Timeline {
  readonly id: number;
  /** A position; zeros for the first one. */
  readonly begin: string;
}

/** The timelines that lead to a server's present, oldest first; never empty. */
export type Lineage = readonly Timeline[];

const BEGINNING = '0'.repeat(16);

/** A server that was never promoted. */
export const FIRST_LINEAGE: Lineage = [{ id: 1, begin: BEGINNING }];

/**
 * Reads a timeline history file: a line for each earlier timeline, with where it was left.
 * https://www.postgresql.org/docs/current/protocol-replication.html (TIMELINE_HISTORY)
 * @param current the server's own timeline, which the file does not name.
 */
export function parseHistory(text: string, current: number): Lineage {
  const lineage: Timeline[] = [];
  let begin = BEGINNING;
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line);
    if (match === null) continue;
    lineage.push({ id: Number(match[1]), begin });
    begin = lsnToPosition(match[2] ?? '');
  }
  return [...lineage, { id: current, begin }];
}

/**
 * As the log keeps it: `1@0000000000000000 2@0000000005000158 up 1796008838188302`.
 * @param started when the server process started, as a number that no other one has.
 */
export function lineageText(lineage: Lineage, started: string): string {
  return [...lineage.map(({ id, begin }) => `${id}@${begin}`), 'up', started].join(' ');
}

/** The server process of {@link lineageText}; null when it is not known. */
export function parseStarted(text: string | null): string | null {
  return / up (\d+)$/.exec(text ?? '')?.[1] ?? null;
}

/** The timelines of {@link lineageText}; null for a text that is none. */
export function parseLineage(text: string | null): Lineage | null {
  const lineage: Timeline[] = [];
  for (const part of text?.replace(/ up \d+$/, '').split(' ') ?? []) {
    const match = /^(\d+)@([0-9A-F]{16})$/.exec(part);
    if (match === null) return null;
    lineage.push({ id: Number(match[1]), begin: match[2] ?? '' });
  }
  return lineage.length === 0 ? null : lineage;
}

/** Where a history has come to. */
export interface Place {
  /** Null when it is not known: then positions have to do. */
  readonly lineage: Lineage | null;
  readonly position: string;
}

/** `to`: the first position that the server's history does not share with the log's. */
export type Course =
  | { readonly kind: 'continues' }
  | { readonly kind: 'rewound'; readonly to: string; readonly reason: string };

/**
 * Whether a server's history goes on from where the log's has come to, as far as timelines and
 * positions tell. Two servers can write different histories on one timeline, at the same positions
 * (a copy of the data directory that was started as it is): that takes comparing what they hold.
 */
export function compareLineages(log: Place, server: Place): Course {
  const parting = partingOf(log.lineage, server.lineage);
  if (parting !== null && parting.at < log.position && parting.at <= server.position) {
    return { kind: 'rewound', to: parting.at, reason: parting.reason };
  }
  if (server.position < log.position) {
    const reason = 'the server has not come as far as the log';
    return { kind: 'rewound', to: server.position, reason };
  }
  return { kind: 'continues' };
}

/** Where two lineages part, if they do; one may be the beginning of the other. */
function partingOf(
  log: Lineage | null,
  server: Lineage | null,
): { readonly at: string; readonly reason: string } | null {
  if (log === null || server === null) return null;
  const same = server.findIndex((timeline, index) => !isSame(timeline, log[index]));
  const index = same === -1 ? server.length : same;
  const [known, found] = [log[index], server[index]];
  if (known === undefined && found === undefined) return null;
  if (found === undefined || (known !== undefined && known.begin < found.begin)) {
    const at = known?.begin ?? BEGINNING;
    return {
      at,
      reason: `it is on timeline ${server.at(-1)?.id}, and did not go on with the log's`,
    };
  }
  const from = server[index - 1]?.id;
  const reason =
    from === undefined
      ? `its timeline ${found.id} has no beginning in common`
      : `its timeline ${found.id} left timeline ${from} there`;
  return { at: found.begin, reason };
}

function isSame(one: Timeline, other: Timeline | undefined): boolean {
  return other !== undefined && one.id === other.id && one.begin === other.begin;
}
