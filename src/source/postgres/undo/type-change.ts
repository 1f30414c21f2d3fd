import type { Column, TypeShape } from '../../../change/table.ts';
import { compareShapes } from './carry-value.ts';
import type { ColumnFacts } from './table-facts.ts';

/** How a column's values of then come into a table of now. */
export type Fit =
  /** As they are: each text means the same value, or the same value of a wider type. */
  | 'plain'
  /** The same, if the database takes them: a domain within may have another constraint by now. */
  | 'checked'
  /** The type is another one, or it is not known whether it is: a conflict of every row with a value. */
  | 'changed';

/**
 * Whether a column's texts may go back unseen. What is not known counts as changed (invariant 14);
 * but of a base type, and of an array of one, the name tells all: what its texts mean is in the
 * server's code. A domain or a range can have been made anew of something else.
 */
export function fitOf(then: Column, now: ColumnFacts): Fit {
  if (then.shape === undefined || now.shape === undefined) {
    const certain = then.type === now.type && now.shape !== undefined && isFixed(now.shape);
    return certain ? fitting(now) : 'changed';
  }
  const likeness = compareShapes(then.shape, now.shape);
  if (likeness === 'grown') return 'checked';
  if (likeness === 'same' && modifiersOf(then.type) === modifiersOf(now.type)) return fitting(now);
  return isWider(then.type, now.type) ? fitting(now) : 'changed';
}

/** What has changed, for people. */
export function describeChange(then: Column, now: ColumnFacts): string {
  if (then.type !== now.type) return `${now.name}: ${then.type}, now ${now.type}`;
  if (then.shape === undefined)
    return `${now.name}: the log does not know what ${now.type} was then`;
  return `${now.name}: ${now.type} is not what it was`;
}

function fitting({ constrained }: ColumnFacts): Fit {
  // What a domain itself asks for is asked of the staged rows, see `noteUnfit`.
  return constrained === 'within' ? 'checked' : 'plain';
}

function isFixed({ is, of }: TypeShape): boolean {
  return is === 'base' || (is === 'array' && of !== undefined && isFixed(of));
}

/** What a type's name says beyond it: `(10,2)`, `(3)[]`, or nothing. The type itself can be renamed. */
function modifiersOf(type: string): string {
  const name = /^("(?:[^"]|"")*"|[^"(])+/.exec(type)?.[0] ?? '';
  return type.slice(name.length);
}

const INTEGERS = ['smallint', 'integer', 'bigint', 'numeric'];
const UNBOUNDED = ['text', 'character varying'];

/** True for a type that has every value of the other one, written the same way. */
function isWider(then: string, now: string): boolean {
  const [from, to] = [then.replace(/\[\]$/, ''), now.replace(/\[\]$/, '')];
  if (then.endsWith('[]') !== now.endsWith('[]')) return false;
  const [less, more] = [INTEGERS.indexOf(from), INTEGERS.indexOf(to)];
  if (less !== -1 && more !== -1) return less <= more;
  const text = /^character varying(?:\((\d+)\))?$|^text$/.exec(from);
  if (text !== null) {
    const limit = /^character varying\((\d+)\)$/.exec(to);
    if (limit === null) return UNBOUNDED.includes(to);
    return text[1] !== undefined && Number(text[1]) <= Number(limit[1]);
  }
  const number = /^numeric\((\d+),(-?\d+)\)$/.exec(from);
  if (number === null) return false;
  const other = /^numeric\((\d+),(-?\d+)\)$/.exec(to);
  if (other === null) return to === 'numeric';
  return number[2] === other[2] && Number(number[1]) <= Number(other[1]);
}
