import { TidingsError } from '../../../errors/tidings-error.ts';
import type { CheckResult } from '../../../observe/check-result.ts';
import type { ServerFacts } from '../check/server-facts.ts';
import { shellWord } from '../../../errors/shell-word.ts';

/** In such a database a text is bytes: nothing says which characters they are, and any will do. */
const WITHOUT_CHARACTERS = 'SQL_ASCII';

/**
 * Encodings of which every text can be said in UTF-8, found by trying all bytes. In the others some
 * bytes stand for no character, and the server takes them all the same.
 */
const WHOLE = new Set(
  'UTF8 LATIN1 LATIN2 LATIN4 LATIN5 LATIN6 LATIN7 LATIN8 LATIN9 LATIN10 ISO_8859_5 KOI8R KOI8U WIN866 WIN1256'.split(
    ' ',
  ),
);

/**
 * The log is UTF-8, and of a text that is none it could only say that it is not known. Where nothing
 * says which characters the bytes are that would be the rule, so there is no log to begin with
 * (invariant 10).
 * @throws TidingsError `SOURCE_ENCODING`
 */
export function requireEncoding(source: string, facts: ServerFacts): void {
  if (facts.encoding !== WITHOUT_CHARACTERS) return;
  throw new TidingsError('SOURCE_ENCODING', {
    source,
    reason: reasonOf(facts),
    commands: wayOn(facts),
  });
}

/** The same for a log that was begun before databases were looked at; null when there is no risk. */
export function encodingWarning(source: string, facts: ServerFacts): TidingsError | null {
  if (facts.encoding !== WITHOUT_CHARACTERS) return null;
  const details = { source, reason: reasonOf(facts), commands: wayOn(facts) };
  return new TidingsError('SOURCE_ENCODING_RISK', details);
}

/** @param running whether the source has a slot already, and so perhaps a log. */
export function checkEncoding(facts: ServerFacts, running: boolean): CheckResult {
  const name = 'encoding';
  const { encoding } = facts;
  if (encoding === WITHOUT_CHARACTERS) {
    return {
      name,
      status: running ? 'warning' : 'failed',
      message: `${capital(reasonOf(facts))}; ${running ? '' : 'a new log is refused, and in one that is there already '}texts that are not UTF-8 are left out of the log as not known.`,
      fix: wayOn(facts),
    };
  }
  if (WHOLE.has(encoding)) return { name, status: 'ok', message: `Texts are ${encoding}.` };
  return {
    name,
    status: 'ok',
    message: `Texts are ${encoding}; the server gives them as UTF-8. It takes bytes that are no character of ${encoding}: such a value is left out of the log as not known, with a warning that names its column.`,
  };
}

function reasonOf({ database, encoding }: ServerFacts): string {
  return `database ${database} has the encoding ${encoding}, in which a text is any bytes`;
}

/** Copies the database; a text that is not what `--encoding` says ends the copy and is named. */
function wayOn({ database }: ServerFacts): string {
  const [old, fresh] = [shellWord(database), shellWord(`${database}_utf8`)];
  return `createdb --encoding=UTF8 --template=template0 ${fresh} && pg_dump --encoding=UTF8 ${old} | psql --set ON_ERROR_STOP=1 ${fresh}`;
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
