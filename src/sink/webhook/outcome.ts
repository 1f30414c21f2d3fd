import { STATUS_CODES } from 'node:http';
import { type ErrorDetails, isTidingsError, TidingsError } from '../../errors/tidings-error.ts';
import type { ErrorCode } from '../../errors/catalogue.ts';
import type { Answer, AttemptError, Outcome } from '../sink.ts';
import type { Posted } from './post.ts';
import { readRetryAfter } from './retry-after.ts';

const ACK: Outcome = { kind: 'ack' };

/** What an answer, or the lack of one, means. docs/guide/webhooks.md has the table. */
export function outcomeOf(posted: Posted, now: number): Outcome {
  if ('error' in posted) return { kind: 'retry', error: failureOf(posted.error) };
  const { status, headers, excerpt } = posted;
  if (status >= 200 && status < 300) return ACK;
  const answer = { status, excerpt };
  if (status === 410) return { kind: 'gone', error: describe('WEBHOOK_GONE', {}, answer) };
  if (status >= 300 && status < 400) {
    const location = headers['location'];
    const to = typeof location === 'string' ? hostOf(location) : 'nowhere';
    return { kind: 'retry', error: describe('WEBHOOK_REDIRECT', { status, to }, answer) };
  }
  const meaning = STATUS_CODES[status] ?? 'unknown status';
  const error = describe('WEBHOOK_STATUS', { status, meaning }, answer);
  const after =
    status === 429 || status === 503 ? readRetryAfter(headers['retry-after'], now) : null;
  return after === null ? { kind: 'retry', error } : { kind: 'retry', error, after, rest: true };
}

/** Only where to: the rest of an address may hold a secret. */
function hostOf(location: string): string {
  const host = URL.canParse(location) ? new URL(location).host : '';
  return host === '' ? 'another path' : host;
}

function describe<Code extends ErrorCode>(
  code: Code,
  details: ErrorDetails<Code>,
  answer?: Answer,
): AttemptError {
  const { message } = new TidingsError(code, details);
  return answer === undefined ? { code, message } : { code, message, answer };
}

/** Failures by the beginning of their code, in the order in which they are looked for. */
const FAILURES = [
  // Our own end, not the receiver's.
  ['WEBHOOK_ABORTED', /^(UND_ERR_ABORTED|UND_ERR_CLOSED|UND_ERR_DESTROYED)/],
  ['WEBHOOK_DNS_FAILED', /^(ENOTFOUND|EAI_)/],
  [
    'WEBHOOK_TLS_FAILED',
    /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH|EPROTO)/,
  ],
  ['WEBHOOK_RESET', /^(ECONNRESET|EPIPE|UND_ERR_SOCKET)/],
  // undici asserts that a status is none below 100.
  ['WEBHOOK_PROTOCOL', /^(HPE_|ERR_ASSERTION|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES)/],
] as const;

/** Why there was no answer. */
function failureOf(error: unknown): AttemptError {
  if (isTidingsError(error)) return { code: error.code, message: error.message };
  const cause = firstOf(error);
  if (!(cause instanceof Error)) return describe('WEBHOOK_CONNECT_FAILED', { reason: 'unknown' });
  if (cause.name === 'AbortError' || cause.name === 'TimeoutError') {
    return describe('WEBHOOK_ABORTED', {});
  }
  const errno = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  // The parser's errors do not always have a code.
  const kind = cause.name === 'HTTPParserError' ? 'HPE_' : errno;
  const text = cause.message.trim().replace(/\s+/g, ' ');
  const reason = errno === '' || text.includes(errno) ? text : `${errno}, ${text}`;
  const found = FAILURES.find(([, pattern]) => pattern.test(kind));
  return describe(found?.[0] ?? 'WEBHOOK_CONNECT_FAILED', { reason });
}

/** Of several addresses that were tried, the first tells what is wrong. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? (error.errors as readonly unknown[])[0] : error;
}
