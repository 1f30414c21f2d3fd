import { kindOf, shown, ValueProblem } from '../option/value.ts';

/** Guessing 16 random characters takes longer than anybody has. */
const MIN_TOKEN = 16;
/** RFC 6750, 2.1: what a bearer token may be made of. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** Messages never show it. @throws ValueProblem */
export function readToken(written: unknown): string {
  if (typeof written !== 'string') throw new ValueProblem(`is ${kindOf(written)}, not text`);
  if (written.length < MIN_TOKEN) {
    throw new ValueProblem(
      `has ${written.length} characters, and needs ${MIN_TOKEN}; \`openssl rand -hex 32\` makes a good one`,
    );
  }
  if (!TOKEN.test(written)) {
    throw new ValueProblem('may only have letters, digits and - . _ ~ + /, with = at the end');
  }
  return written;
}

/** A port as a number, or as the text of a variable. @throws ValueProblem */
export function readPort(written: unknown): number {
  const port = typeof written === 'string' && /^\d+$/.test(written) ? Number(written) : written;
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535)
    return port;
  throw new ValueProblem(`is ${shown(written)}, and has to be a port from 0 to 65535`);
}

/** Origins as browsers write them (RFC 6454, 6.2). @throws ValueProblem */
export function readOrigins(written: unknown): readonly string[] {
  if (!Array.isArray(written)) {
    throw new ValueProblem(`is ${kindOf(written)}, and has to be a list: ['https://ops.example']`);
  }
  return written.map((entry: unknown) => {
    if (typeof entry === 'string' && URL.canParse(entry) && new URL(entry).origin === entry) {
      return entry;
    }
    throw new ValueProblem(`has ${shown(entry)}, which is no origin such as https://ops.example`);
  });
}
