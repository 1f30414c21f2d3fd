import { z } from 'zod';
import { PROBLEM_TYPE, type Problem } from '../problem.ts';
import { described } from '../../option/described.ts';
import { answer, count } from './documented.ts';

const PROBLEM = answer<Problem>()(
  'Problem',
  'An error: problem details of RFC 9457 with the code and hint of docs/reference/errors.md.',
  z.object({
    type: described(z.string(), '`urn:tidings:error:` and the code.'),
    title: z.string(),
    status: count(),
    detail: z.string(),
    instance: described(z.string(), 'Names this request; its lines in the log have the same id.'),
    code: z.string(),
    hint: z.string(),
    retryable: z.boolean(),
    floor: described(z.exactOptional(count()), 'With LOG_PRUNED: the oldest offset that is left.'),
    head: described(z.exactOptional(count()), 'With LOG_PRUNED: the next offset of the log.'),
  }),
);

const MEANINGS = {
  400: 'A parameter or the body is not valid.',
  401: 'The token is missing, or none that is configured.',
  403: 'The token lacks the right, or the request comes from a foreign web page.',
  404: 'There is no such thing.',
  409: 'What is there does not allow it.',
  410: 'Retention has removed these records.',
  413: 'The body is too large.',
  415: 'The body is not declared as JSON.',
  422: 'The definition is not valid.',
  500: 'A defect.',
  503: 'It cannot be done at the moment.',
} as const;

type ProblemStatus = keyof typeof MEANINGS;

interface ProblemAnswer {
  readonly description: string;
  readonly content: { readonly [PROBLEM_TYPE]: { readonly schema: z.ZodType<Problem> } };
}

/** The errors that an operation may answer with, besides those that each may. */
export function problems<const Status extends ProblemStatus = never>(
  ...statuses: readonly Status[]
): Readonly<Record<Status, ProblemAnswer>> {
  return answers([400, 401, 403, 500, 503, ...statuses]);
}

/** The same of an operation that takes a body. */
export function problemsWithBody<const Status extends ProblemStatus = never>(
  ...statuses: readonly Status[]
): Readonly<Record<Status | 413 | 415, ProblemAnswer>> {
  return answers([400, 401, 403, 413, 415, 500, 503, ...statuses]);
}

/** The same of an operation that needs no right. */
export function problemsOfAnybody<const Status extends ProblemStatus = never>(
  ...statuses: readonly Status[]
): Readonly<Record<ProblemStatus, ProblemAnswer>> {
  return answers([400, 500, ...statuses]);
}

function answers<Status extends ProblemStatus>(
  statuses: readonly ProblemStatus[],
): Readonly<Record<Status, ProblemAnswer>> {
  const content = { [PROBLEM_TYPE]: { schema: PROBLEM } };
  return Object.fromEntries(
    statuses.map((status) => [status, { description: MEANINGS[status], content }]),
  ) as Readonly<Record<Status, ProblemAnswer>>;
}
