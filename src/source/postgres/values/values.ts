import type { ValueReader } from '../../../change/dialect.ts';
import { isExact, parseLosslessJson } from '../../../change/lossless-json.ts';

/*
 * Readers of single values, from the text that a session with `DateStyle = ISO`,
 * `IntervalStyle = postgres`, `TimeZone = UTC`, `bytea_output = hex` and
 * `extra_float_digits >= 1` prints. None of them throws: text of another form is handed on as it
 * is, which loses nothing (invariant 10).
 */

export const readText: ValueReader = (text) => text;

export const readBoolean: ValueReader = (text) => {
  if (text === 't') return true;
  return text === 'f' ? false : text;
};

/** A number up to 2^53 - 1 in size, beyond that its digits as a string. */
export const readInteger: ValueReader = (text) => {
  const value = Number(text);
  return Number.isSafeInteger(value) && text !== '' ? value : text;
};

/** Up to this length without an exponent a text has at most 15 digits, and every double has those. */
const SURELY_EXACT_LENGTH = 15;

/** As many digits as a double ever needs: what has no more of them stands for one double alone. */
const DOUBLE_DIGITS = 17;

/** NaN, the infinities and -0, which JSON has no numbers for, stay strings. */
export const readFloat: ValueReader = (text) => {
  const value = Number(text);
  if (text.length <= SURELY_EXACT_LENGTH && /^-?[\d.]+$/.test(text) && value !== 0) return value;
  if (isExact(text, value)) return value;
  // PostgreSQL and JavaScript may choose other last digits for the same double.
  const [, mantissa = ''] = /^-?(\d+\.?\d*)(?:e[+-]?\d+)?$/.exec(text) ?? [];
  const digits = mantissa.replace('.', '').replace(/^0+/, '').length;
  const isDouble = digits > 0 && digits <= DOUBLE_DIGITS && Number.isFinite(value) && value !== 0;
  return isDouble ? value : text;
};

/** Base64. Also reads the `escape` form, which a database can have set as its default. */
export const readBytes: ValueReader = (text) => {
  if (/^\\x(?:[\da-f]{2})*$/i.test(text))
    return Buffer.from(text.slice(2), 'hex').toString('base64');
  const escaped = /\\(?:(\\)|([0-3][0-7]{2}))/g;
  const bytes = text.replace(escaped, (_, backslash?: string, octal?: string) =>
    octal === undefined ? (backslash ?? '') : String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString('base64');
};

export const readJson: ValueReader = (text) => {
  try {
    return parseLosslessJson(text);
  } catch (error) {
    // RangeError: nested too deep to be passed on as a value.
    if (error instanceof SyntaxError || error instanceof RangeError) return text;
    throw error;
  }
};

const TIMESTAMP = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)$/;

/** ISO 8601 without a zone. Infinity, years BC and years above 9999 keep PostgreSQL's text. */
export const readTimestamp: ValueReader = (text) => {
  const match = TIMESTAMP.exec(text);
  return match === null ? text : `${match[1]}T${match[2]}`;
};

const TIMESTAMPTZ =
  /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,6})?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/;

/** ISO 8601 in UTC, with as many fraction digits as PostgreSQL prints; the rest keeps its text. */
export const readTimestamptz: ValueReader = (text) => {
  // Nearly every value: four digits of year, and the zone that the session asks for.
  if (text[4] === '-' && text[10] === ' ' && text.endsWith('+00')) {
    return `${text.slice(0, 10)}T${text.slice(11, -'+00'.length)}Z`;
  }
  const match = TIMESTAMPTZ.exec(text);
  if (match === null) return text;
  const [, date, time, fraction = '', sign, hours, minutes = '00', seconds = '00'] = match;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  if (offset === 0) return `${date}T${time}${fraction}Z`;
  const shift = sign === '+' ? -offset : offset;
  const utc = new Date(Date.parse(`${date}T${time}Z`) + shift * 1000).toISOString();
  // The first and last hours that a four-digit year can say may belong to another one in UTC.
  return utc.length === '0000-00-00T00:00:00.000Z'.length && !utc.startsWith('0000')
    ? `${utc.slice(0, -'.000Z'.length)}${fraction}Z`
    : text;
};
