import type { z } from 'zod';
import { TidingsError } from '../errors/tidings-error.ts';
import { keysBelow, matchesPath, NOT_YET, optionEntries } from './option-table.ts';
import { suggest } from './suggest.ts';
import { kindOf } from './value.ts';

type Path = readonly PropertyKey[];

/** Says where a value was written: the file, or the variable or flag that overrode it. */
export type Origin = (path: Path) => string;

/** `subscriptions.crm.tables`; what is no plain name is quoted. */
export function pathText(path: Path): string {
  if (path.length === 0) return 'the whole of it';
  return path
    .map((part) => (/^[\w-]+$/.test(String(part)) ? String(part) : JSON.stringify(String(part))))
    .join('.');
}

/**
 * One error for all that is wrong: its own when there is one problem, else a list, so that a file is
 * corrected in one go.
 */
export function combineProblems(origin: string, problems: readonly TidingsError[]): TidingsError {
  const [first, ...others] = problems;
  if (first === undefined) throw new RangeError('no problem to report');
  if (others.length === 0) return first;
  const lines = problems.map((problem) => `  - ${shortMessage(problem, origin)}`);
  return new TidingsError(
    'CONFIG_PROBLEMS',
    { origin, count: problems.length, problems: lines.join('\n') },
    { cause: new AggregateError(problems) },
  );
}

function shortMessage({ message, details }: TidingsError, origin: string): string {
  const own = message.startsWith(`${origin}: `) || message.startsWith(`${origin}, line `);
  const short = own ? message.slice(origin.length + 2) : message;
  return details['advice'] === undefined ? short : `${short} ${details['advice']}`;
}

/** What a schema found, as errors; a key that is missing because it is misspelt is one problem. */
export function toProblems(issues: readonly z.core.$ZodIssue[], origin: Origin): TidingsError[] {
  const meant = new Set(issues.flatMap(meantKeys).map(pathText));
  const missing = (issue: z.core.$ZodIssue): boolean =>
    issue.input === undefined && issue.code !== 'unrecognized_keys';
  return eachProblem(
    issues.filter((issue) => !(missing(issue) && meant.has(pathText(issue.path)))),
    origin,
  );
}

function meantKeys(issue: z.core.$ZodIssue): Path[] {
  if (issue.code !== 'unrecognized_keys') return [];
  return issue.keys.flatMap((key) => {
    const known = keysBelow(issue.path);
    if (plannedFor([...issue.path, key]) !== undefined) {
      return known.map((other) => [...issue.path, other]);
    }
    const near = suggest(key, known);
    return near === null ? [] : [[...issue.path, near]];
  });
}

function eachProblem(issues: readonly z.core.$ZodIssue[], origin: Origin): TidingsError[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'invalid_union') return toProblems(nearestBranch(issue), origin);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownKey([...issue.path, key], origin));
    }
    if (issue.code === 'custom' && issue.params?.['notYet'] === true) {
      return [notYet(issue, origin)];
    }
    return [invalid(issue.path, problemOf(issue), origin)];
  });
}

export function invalid(path: Path, problem: string, origin: Origin): TidingsError {
  return new TidingsError('CONFIG_INVALID', { origin: origin(path), key: pathText(path), problem });
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? 'is not a name';
  if (issue.code !== 'invalid_type') return issue.message;
  const wanted =
    issue.expected === 'record' || issue.expected === 'object' ? 'an object' : issue.expected;
  const found = kindOf(issue.input);
  return found === 'missing' ? 'is missing' : `is ${found}, and has to be ${wanted}`;
}

function notYet(issue: z.core.$ZodIssue, origin: Origin): TidingsError {
  return new TidingsError('CONFIG_NOT_YET', {
    origin: origin(issue.path),
    key: pathText(issue.path),
    problem: issue.message,
  });
}

function unknownKey(path: Path, origin: Origin): TidingsError {
  const planned = plannedFor(path);
  if (planned !== undefined) {
    const details = { origin: origin(path), key: pathText(path), problem: `asks for ${planned}` };
    return new TidingsError('CONFIG_NOT_YET', details);
  }
  const details = { origin: origin(path), key: pathText(path), advice: adviceFor(path) };
  return new TidingsError('CONFIG_UNKNOWN_KEY', details);
}

function plannedFor(path: Path): string | undefined {
  return Object.entries(NOT_YET).find(([pattern]) => matchesPath(pattern, path))?.[1];
}

function adviceFor(path: Path): string {
  const above = path.slice(0, -1);
  const key = String(path.at(-1));
  const known = keysBelow(above);
  const near = suggest(key, known);
  if (near !== null) return `Did you mean ${pathText([...above, near])}?`;
  const elsewhere = optionEntries().find(([pattern]) => pattern.split('.').includes(key))?.[0];
  if (elsewhere !== undefined) {
    const parts = elsewhere.split('.');
    return `Did you mean ${parts.slice(0, parts.indexOf(key) + 1).join('.')}?`;
  }
  return `Possible here: ${known.join(', ')}.`;
}

/** Of a union's members the one that the value comes closest to: first of all, that knows its keys. */
function nearestBranch(issue: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] {
  const strange = (issues: readonly z.core.$ZodIssue[]): number =>
    issues.filter(({ code, path }) => code === 'unrecognized_keys' && path.length === 0).length;
  const [nearest = []] = issue.errors.toSorted(
    (one, other) => strange(one) - strange(other) || one.length - other.length,
  );
  return nearest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}
