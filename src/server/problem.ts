import { isTooLong, LONGEST_TEXT } from '../change/too-large.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import { httpStatus } from './error-status.ts';

// Not imported: see listener.ts.
const { STATUS_CODES } = process.getBuiltinModule('node:http');

/** The media type of {@link Problem}. */
export const PROBLEM_TYPE = 'application/problem+json';

/** Largest body that is read, bytes. A definition is a few hundred. */
export const BODY_LIMIT = 1_048_576;

/** An error as the API answers it: problem details of RFC 9457, with members of our own. */
export interface Problem {
  /** `urn:tidings:error:` and the code. */
  readonly type: string;
  /** The name of the status. */
  readonly title: string;
  readonly status: number;
  /** What happened. */
  readonly detail: string;
  /** This one request: `urn:uuid:` and the id that its log lines have, too. */
  readonly instance: string;
  /** From docs/reference/errors.md; does not change between versions. */
  readonly code: string;
  /** What mends it. */
  readonly hint: string;
  /** True when the same request, later, may succeed. */
  readonly retryable: boolean;
  /** With `LOG_PRUNED`: the oldest offset that is still there. */
  readonly floor?: number;
  /** With `LOG_PRUNED`: the next offset of the log. */
  readonly head?: number;
}

/** What a {@link Problem} says besides its error. */
export type ProblemMembers = Pick<Problem, 'floor' | 'head'>;

/** An error that is answered with more than it says itself. */
export class ErrorWithMembers extends Error {
  override readonly name = 'ErrorWithMembers';
  readonly error: TidingsError;
  readonly members: ProblemMembers;

  constructor(error: TidingsError, members: ProblemMembers) {
    super(error.message, { cause: error });
    this.error = error;
    this.members = members;
  }
}

/** The answer to an error, for the request of this id. */
export function toProblem(thrown: unknown, request: string): Problem {
  const members = thrown instanceof ErrorWithMembers ? thrown.members : {};
  const error = toCatalogued(thrown, request);
  const status = httpStatus(error);
  return {
    type: `urn:tidings:error:${error.code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: error.message,
    instance: `urn:uuid:${request}`,
    code: error.code,
    hint: error.hint,
    retryable: error.retryable,
    ...members,
  };
}

/** Headers that belong to an answer with this problem. */
export function problemHeaders({ status, code }: Problem): Readonly<Record<string, string>> {
  // RFC 6750, 3: without a token in the request there is no error to be told.
  if (code === 'TOKEN_MISSING') return { 'www-authenticate': 'Bearer realm="tidings"' };
  if (status === 401) {
    return { 'www-authenticate': 'Bearer realm="tidings", error="invalid_token"' };
  }
  if (code === 'RIGHT_MISSING') {
    return { 'www-authenticate': 'Bearer realm="tidings", error="insufficient_scope"' };
  }
  return status === 503 ? { 'retry-after': '1' } : {};
}

function toCatalogued(thrown: unknown, request: string): TidingsError {
  if (isTidingsError(thrown)) return thrown;
  if (thrown instanceof ErrorWithMembers) return thrown.error;
  // A wait that was cut short: by the drain, or by a client that has gone and hears nothing of it.
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new TidingsError('SERVICE_DRAINING', {}, { cause: thrown });
  }
  // A document of values each of which has room, and all of them together have not.
  if (isTooLong(thrown)) {
    return new TidingsError('TEXT_TOO_LONG', { limit: LONGEST_TEXT }, { cause: thrown });
  }
  return fromFastify(thrown) ?? new TidingsError('API_DEFECT', { request }, { cause: thrown });
}

/** Members of Fastify's errors (https://fastify.dev/docs/latest/Reference/Errors/). */
interface FastifyFailure {
  readonly code?: string;
  readonly message?: string;
  readonly statusCode?: number;
  readonly validation?: readonly Violation[];
  /** Which part of the request. */
  readonly validationContext?: string;
}

interface Violation {
  readonly instancePath: string;
  readonly message: string;
}

/** What Fastify found wrong with a request, in our words; null when the request is not to blame. */
function fromFastify(thrown: unknown): TidingsError | null {
  if (typeof thrown !== 'object' || thrown === null) return null;
  const { code, message, statusCode, validation, validationContext } = thrown as FastifyFailure;
  const cause = { cause: thrown };
  if (validation !== undefined) {
    const problems = validation.map((each) => violationText(each, validationContext)).join('; ');
    return new TidingsError('REQUEST_INVALID', { problems }, cause);
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new TidingsError('BODY_TOO_LARGE', { limit: BODY_LIMIT }, cause);
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new TidingsError('MEDIA_TYPE_UNSUPPORTED', {}, cause);
  }
  if (code?.startsWith('FST_') === true && statusCode !== undefined && statusCode < 500) {
    const problems = (message ?? 'it cannot be read').replace(/\.$/, '');
    return new TidingsError('REQUEST_INVALID', { problems }, cause);
  }
  return null;
}

/** One thing that a schema found, such as `query limit: has to be …`. */
function violationText({ instancePath, message }: Violation, part = 'request'): string {
  const path = instancePath.slice(1).replaceAll('/', '.');
  const where = part === 'querystring' ? 'query' : part;
  return `${path === '' ? where : `${where} ${path}`}: ${message}`;
}
