import { CATALOGUE } from '../errors/catalogue.ts';
import type { ErrorEntry } from '../errors/entry.ts';

/** An error that the service answered with, told like one of our own. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly code: string;
  readonly hint: string;
  readonly exit: ErrorEntry['exit'];

  constructor(
    problem: { readonly code: string; readonly detail: string; readonly hint: string },
    status: number,
  ) {
    super(problem.detail);
    this.code = problem.code;
    this.hint = HINTS[problem.code] ?? problem.hint;
    this.exit = exitOf(problem.code, status);
  }
}

/** What to do about it on a command line, where that is not what to do in a program. */
const HINTS: Readonly<Record<string, string>> = {
  TOKEN_MISSING: 'Set TIDINGS_TOKEN to one of the tokens under `http` of that service.',
  TOKEN_UNKNOWN:
    'Compare --token, or TIDINGS_TOKEN, with `http.token` and `http.tokens` of that service.',
};

/**
 * Reads a problem (RFC 9457) out of the text of an answer.
 * @returns null when it is none of Tidings.
 */
export function readProblem(text: string, status: number): ApiProblem | null {
  const { code, detail, hint } = (membersOf(text) ?? {}) as Record<string, unknown>;
  if (typeof code !== 'string' || typeof detail !== 'string' || typeof hint !== 'string') {
    return null;
  }
  return new ApiProblem({ code, detail, hint }, status);
}

function membersOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Something else answered, such as a proxy with a page: the caller tells what came.
    return null;
  }
}

/** As the same error would end a command here; by its status when a newer service has a new code. */
function exitOf(code: string, status: number): ErrorEntry['exit'] {
  const known = (CATALOGUE as Readonly<Record<string, ErrorEntry>>)[code];
  if (known !== undefined) return known.exit;
  if ([400, 413, 415, 422].includes(status)) return 64;
  return status < 500 ? 2 : 1;
}
