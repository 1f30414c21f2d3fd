/** Reads bytes that the server hands over as they are, in the database's own encoding. */
export type TextReader = (bytes: Buffer) => string;

/**
 * PostgreSQL's names of encodings, and those of the Encoding Standard for the same characters.
 * LATIN1 is not among them: there it is another name of windows-1252.
 * https://www.postgresql.org/docs/current/multibyte.html, https://encoding.spec.whatwg.org
 */
const LABELS: Readonly<Record<string, string>> = {
  UTF8: 'utf-8',
  EUC_CN: 'gbk',
  EUC_JP: 'euc-jp',
  EUC_KR: 'euc-kr',
  ISO_8859_5: 'iso-8859-5',
  ISO_8859_6: 'iso-8859-6',
  ISO_8859_7: 'iso-8859-7',
  ISO_8859_8: 'iso-8859-8',
  KOI8R: 'koi8-r',
  KOI8U: 'koi8-u',
  LATIN2: 'iso-8859-2',
  LATIN3: 'iso-8859-3',
  LATIN4: 'iso-8859-4',
  LATIN5: 'iso-8859-9',
  LATIN6: 'iso-8859-10',
  LATIN7: 'iso-8859-13',
  LATIN8: 'iso-8859-14',
  LATIN9: 'iso-8859-15',
  LATIN10: 'iso-8859-16',
  WIN866: 'ibm866',
  WIN874: 'windows-874',
  WIN1250: 'windows-1250',
  WIN1251: 'windows-1251',
  WIN1252: 'windows-1252',
  WIN1253: 'windows-1253',
  WIN1254: 'windows-1254',
  WIN1255: 'windows-1255',
  WIN1256: 'windows-1256',
  WIN1257: 'windows-1257',
  WIN1258: 'windows-1258',
};

/**
 * A reader for a database's encoding. Bytes that are no text in it (an application may hand over any)
 * are taken for Latin-1, which at least loses none.
 * @param encoding as `server_encoding` says it. One that is not known here is read as UTF-8.
 */
export function textReader(encoding: string): TextReader {
  const asLatin1: TextReader = (bytes) => bytes.toString('latin1');
  if (encoding === 'LATIN1') return asLatin1;
  const decoder = new TextDecoder(LABELS[encoding] ?? 'utf-8', { fatal: true, ignoreBOM: true });
  return (bytes) => {
    try {
      return decoder.decode(bytes);
    } catch (error) {
      if (error instanceof TypeError) return asLatin1(bytes);
      throw error;
    }
  };
}
