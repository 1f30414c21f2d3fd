import { ValueProblem } from './value.ts';

const POSTGRESQL = new Set(['postgres:', 'postgresql:']);
const LATER = new Set(['mysql:', 'mariadb:', 'mysql2:']);
const EXAMPLE = 'postgresql://user:password@host:5432/database';

/**
 * Checks a database address. Messages never show it: what does not parse may have its password
 * anywhere.
 * @throws ValueProblem
 */
export function readSourceUrl(written: unknown): string {
  if (typeof written !== 'string') throw new ValueProblem(`is not text; write ${EXAMPLE}`);
  if (written === '') throw new ValueProblem(`is empty; write ${EXAMPLE}`);
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(written)?.[0].toLowerCase();
  if (scheme !== undefined && LATER.has(scheme)) {
    throw new ValueProblem('asks for a MySQL or MariaDB source', { notYet: true });
  }
  if (scheme === undefined || !written.includes('://')) {
    throw new ValueProblem(`is not an address; write ${EXAMPLE}`);
  }
  if (!POSTGRESQL.has(scheme)) {
    throw new ValueProblem(`begins with ${scheme}//, and has to begin with postgresql://`);
  }
  if (!URL.canParse(written)) {
    const encode = 'in a user name or password write # as %23, / as %2F, ? as %3F, @ as %40';
    throw new ValueProblem(`is not an address of the form ${EXAMPLE}; ${encode}`);
  }
  checkEncoding(new URL(written));
  return written;
}

function checkEncoding(url: URL): void {
  for (const part of [url.username, url.password, url.pathname]) {
    try {
      decodeURIComponent(part);
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
      throw new ValueProblem('has a % that two hexadecimal digits should follow; write % as %25');
    }
  }
}
