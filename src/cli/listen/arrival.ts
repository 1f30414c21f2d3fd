import type { Change } from '../../change/change.ts';
import {
  parseWire,
  TEST_TYPE,
  WIRE_TYPE,
  type WireChange,
  WireFormatError,
} from '../../change/wire.ts';
import { changeLine } from '../change-line.ts';
import type { Output } from '../io.ts';
import { harmless } from '../../util/harmless.ts';
import { painter } from '../terminal/style.ts';
import { textWidth } from '../terminal/width.ts';

/** A request that came to `tidings listen`, and what was answered. */
export interface Arrival {
  /** `webhook-id`: the change id, or one of a test's own; null when the request has none. */
  readonly id: string | null;
  /** Whether it was signed with the secret, and lately. */
  readonly verified: boolean;
  /** Why it was refused, or what is wrong with it; null when all is well. */
  readonly problem: string | null;
  /** The sender's count of attempts; null when it does not say. */
  readonly attempt: number | null;
  /** True when this id was taken before. */
  readonly again: boolean;
  /** True when it is marked as a test. */
  readonly test: boolean;
  /** The HTTP status that it was answered with. */
  readonly status: number;
  /** The change as it came; null when the body holds none. */
  readonly change: WireChange | null;
}

/** What a body says. */
export interface Content {
  readonly wire: WireChange | null;
  readonly test: boolean;
  readonly problem: string | null;
}

/** Reads a body as a change, or as a test delivery. */
export function readContent(body: Buffer): Content {
  try {
    const wire = JSON.parse(body.toString('utf8')) as WireChange;
    readChange(wire);
    return { wire, test: isTest(wire), problem: null };
  } catch (error) {
    if (!(error instanceof WireFormatError || error instanceof SyntaxError)) throw error;
    return { wire: null, test: false, problem: `its body is no change: ${error.message}` };
  }
}

function isTest(wire: unknown): boolean {
  return (wire as { readonly type?: unknown } | null)?.type === TEST_TYPE;
}

/** What is needed of a test delivery to make a change of it; any of it may be missing. */
interface MaybeTest {
  readonly source?: unknown;
  readonly data?: {
    readonly transaction?: { readonly position?: unknown; readonly index?: unknown };
  };
}

/** @throws WireFormatError */
function readChange(wire: unknown): Change {
  if (!isTest(wire)) return parseWire(wire);
  const { source, data } = wire as MaybeTest;
  const name = String(source).replace(/^.*\//, '');
  const { position, index } = data?.transaction ?? {};
  // With the id that the change itself would have, so that everything else is checked too.
  const id = [name, position, index].map(String).join(':');
  return parseWire({ ...(wire as MaybeTest), type: WIRE_TYPE, id });
}

/** One line per request, in the style of `tidings tail`. */
export function arrivalLine(arrival: Arrival, output: Output): string {
  const paint = painter(output);
  const { status, change, problem, again, test, attempt, verified } = arrival;
  const taken = status >= 200 && status < 300;
  const marks = [
    paint(taken ? 'green' : 'red', String(status)),
    ...(test ? [paint('cyan', 'test')] : []),
    ...(again ? [paint('yellow', 'again')] : []),
    ...(attempt !== null && attempt > 1 ? [paint('yellow', `attempt ${attempt}`)] : []),
    ...(verified ? [] : [paint('red', 'not verified')]),
  ].join('  ');
  const why = problem === null ? '' : harmless(problem);
  if (change === null || (!verified && !taken)) return `${marks}  ${why}`;
  const { colour, isTerminal, columns } = output;
  const room = { colour, isTerminal, columns: columns - textWidth(marks) - 2 };
  const line = `${marks}  ${changeLine(readChange(change), room)}`;
  return why === '' ? line : `${line}\n     ${why}`;
}
