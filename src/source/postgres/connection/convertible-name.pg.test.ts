/** Which names a session of ours can be told, compared with what the server says when it is asked to. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { Characters } from './characters.ts';
import { isConvertibleSql } from './convertible-name.ts';

const { signal } = new AbortController();
const ENCODINGS =
  'LATIN1 LATIN3 WIN1250 WIN1251 WIN1252 WIN1253 WIN1254 WIN1255 WIN1257 WIN1258 WIN874 ISO_8859_6 ISO_8859_7 ISO_8859_8';

test('a name of characters of one byte', async () => {
  for (const encoding of ENCODINGS.split(' ')) {
    await using database = await freshDatabase(18, encoding);
    const { rows } = await database.client.query<{ byte: number; told: boolean }>(
      `SELECT n AS byte, ${isConvertibleSql(`('a' || chr(n) || 'b')`)} AS told FROM generate_series(128, 255) n`,
    );
    const characters = new Characters(encoding);
    for (const { byte } of rows) characters.read(Buffer.of(byte));
    await characters.lookUp(
      async ({ text, values }) => (await database.client.query<object>(text, [...values])).rows,
      signal,
    );
    const wrong = rows.filter(
      ({ byte, told }) => told !== (typeof characters.read(Buffer.of(byte)) === 'string'),
    );
    assert.deepEqual(wrong, [], encoding);
  }
});

test('a name of bytes that nothing says the characters of', async () => {
  await using database = await freshDatabase(18, 'SQL_ASCII');
  const bytes: Buffer[] = ['table', 'grün', '€', '漢字', '😀'].map((text) => Buffer.from(text));
  const edges = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf];
  const firsts = [
    0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5,
  ];
  for (const first of firsts) {
    for (const second of edges) {
      bytes.push(Buffer.of(first, second), Buffer.of(first, second, 0x80, 0x41));
      bytes.push(Buffer.of(first, second, 0xbf), Buffer.of(first, second, 0x80, 0xbf));
    }
  }
  const { rows } = await database.client.query<{ told: boolean }>(
    `SELECT ${isConvertibleSql(`convert_from(n.bytes, 'SQL_ASCII')`)} AS told
     FROM unnest($1::bytea[]) WITH ORDINALITY AS n (bytes, place) ORDER BY n.place`,
    [bytes],
  );
  const wrong = bytes.filter((each, index) => rows[index]?.told !== isUtf8(each));
  assert.deepEqual(
    wrong.map((each) => each.toString('hex')),
    [],
  );
});
