/**
 * Bytes that the encodings with one byte for a character take and that stand for none; found by trying
 * all, the same on PostgreSQL 14 and 18.
 */
const MEANINGLESS: Readonly<Record<string, string>> = {
  LATIN3: 'a5|ae|be|c3|d0|e3|f0',
  WIN1250: '81|83|88|90|98',
  WIN1251: '98',
  WIN1252: '81|8d|8f|90|9d',
  WIN1253: '81|88|8[ac-f]|90|98|9a|9[c-f]|aa|d2|ff',
  WIN1254: '81|8[d-f]|90|9d|9e',
  WIN1255: '81|8a|8[c-f]|90|9a|9[c-f]|ca|d9|d[a-f]|f[bcf]',
  WIN1257: '81|83|88|8a|8c|90|98|9a|9c|9f|a1|a5',
  WIN1258: '81|8a|8[d-f]|90|9a|9[de]',
  WIN874: '8[1-46-9a-f]|90|9[89a-f]|d[b-e]|f[c-f]',
  ISO_8859_6: 'a[1-35-9abef]|b[0-9acde]|c0|d[b-f]|f[3-9a-f]',
  ISO_8859_7: 'ae|d2|ff',
  ISO_8859_8: 'a1|bf|c.|d[0-9a-e]|f[bcf]',
};

/** Of the hexadecimal digits of UTF-8. https://www.rfc-editor.org/rfc/rfc3629#section-4 */
const UTF8 =
  '^([0-7].|(c[2-9a-f]|d.)[89ab].|e0[ab].[89ab].|(e[1-9a-cef]|ed(?=[89]))[89ab].[89ab].' +
  '|f0[9ab].[89ab].[89ab].|f[1-3][89ab].[89ab].[89ab].|f48.[89ab].[89ab].)*$';

/**
 * An SQL condition: whether a session of ours can be told the name. One that has no UTF-8 would end
 * the query that meets it, and with it the answer about all other tables. In encodings with several
 * bytes for a character it holds for all.
 * @param name an SQL expression of type name.
 */
export function isConvertibleSql(name: string): string {
  const hex = `encode(convert_to(${name}::text, getdatabaseencoding()::name), 'hex')`;
  const cases = Object.entries(MEANINGLESS)
    .map(([encoding, bytes]) => `WHEN '${encoding}' THEN ${hex} !~ '^(..)*(${bytes})'`)
    .join(' ');
  return `CASE getdatabaseencoding() WHEN 'UTF8' THEN true WHEN 'SQL_ASCII' THEN ${hex} ~ '${UTF8}' ${cases} ELSE true END`;
}

/** An SQL expression: the name as a session of ours can be told it, whatever its bytes are. */
export function toldNameSql(name: string): string {
  return `CASE WHEN ${isConvertibleSql(name)} THEN ${name}::text ELSE ${escapedNameSql(name)} END`;
}

/** An SQL expression: a name that is not {@link isConvertibleSql}, written as `RawText.nameToUtf8` does. */
export function escapedNameSql(name: string): string {
  return `(SELECT string_agg(CASE WHEN b.byte < 128 THEN chr(b.byte) ELSE '\\x' || to_hex(b.byte) END, '' ORDER BY b.place)
    FROM (SELECT i, get_byte(n.bytes, i) FROM (SELECT convert_to(${name}::text, getdatabaseencoding()::name)) n (bytes),
      generate_series(0, length(n.bytes) - 1) i) b (place, byte))`;
}
