import { ValueProblem } from '../option/value.ts';

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
  checkHost(written);
  if (!URL.canParse(written)) {
    const encode = 'in a user name or password write # as %23, / as %2F, ? as %3F, @ as %40';
    throw new ValueProblem(`is not an address of the form ${EXAMPLE}; ${encode}`);
  }
  checkEncoding(new URL(written));
  return written;
}

/**
 * What libpq takes and this does not. Looked for before the rest is read: to the standard of URLs some
 * of it is no address, and some is one with a strange name.
 */
function checkHost(written: string): void {
  const [, authority = '', rest = ''] = /^[^:]+:\/\/([^/?#]*)(.*)$/s.exec(written) ?? [];
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const others = new URLSearchParams(/\?([^#]*)/.exec(rest)?.[1]).getAll('host');
  if ([host, ...others].some((each) => each.includes(','))) {
    throw new ValueProblem(
      `names several hosts, and Tidings connects to one: name the primary, or a name that leads to whatever is the primary; write ${EXAMPLE}`,
    );
  }
  if (at >= 0 && /^(:\d*)?$/.test(host)) {
    throw new ValueProblem(
      'has a user and no host; for a socket write its folder as the host, with / as %2F: postgresql://user:password@%2Fvar%2Frun%2Fpostgresql/database',
    );
  }
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
