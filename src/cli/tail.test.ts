import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tidings } from '../../test/support/fake-application.ts';
import { CHANGE, CHANGES, logOf } from '../../test/support/fake-log.ts';
import type { ChangeQuery } from '../app/inspection/inspection.ts';
import { parseWire } from '../change/wire.ts';

test('tail: one line per change', async () => {
  const { code, out } = await tidings('tidings tail', logOf(CHANGES));
  assert.equal(code, 0);
  assert.deepEqual(out.split('\n'), [
    '2020-01-02 03:04:05.678     123  update    public.accounts  id=7  email: ann@example.com → "a b@example.com"  note: null → "x\\ny"',
    '2020-01-02 03:04:05.678     123  insert    public.accounts  id=7  email="a b@example.com" note="x\\ny"',
    '2020-01-02 03:04:05.678     123  delete    public.accounts  id=7',
    '2020-01-02 03:04:05.678     123  truncate  public.accounts',
    '',
  ]);
});

test('tail: a line fits the terminal', async () => {
  const options = { terminal: true, colour: false, columns: 90 };
  const { out } = await tidings('tidings tail', logOf([CHANGE]), options);
  const [line = ''] = out.split('\n');
  assert.equal(line.length, 90);
  assert.ok(line.endsWith('…'));
});

test('tail: a column may have the name of something that every object has', async () => {
  const row = { id: 7, constructor: 'was', toString: 'x' };
  const after = { ...row, constructor: 'is' };
  const update = { ...CHANGE, before: row, after, changed: ['constructor'] };
  const partly = { ...update, operation: 'delete', before: { id: 7 }, after: null } as const;
  const added = { ...update, operation: 'insert', before: null, changed: null } as const;
  const { out } = await tidings('tidings tail', logOf([update, added, partly]));
  assert.deepEqual(
    out.split('\n').map((line) => line.slice('2020-01-02 03:04:05.678     123  '.length)),
    [
      'update    public.accounts  id=7  constructor: was → is',
      'insert    public.accounts  id=7  constructor=is toString=x',
      'delete    public.accounts  id=7',
      '',
    ],
  );
});

test('tail: of a very long value the beginning', async () => {
  const after = { id: 7, note: 'x'.repeat(3_000_000) };
  const insert = { ...CHANGE, operation: 'insert', before: null, after, changed: null } as const;
  const { out } = await tidings('tidings tail', logOf([insert]));
  assert.match(out, /note=x{1048576}… \(3,000,000 characters\)\n$/);
  const { out: whole } = await tidings('tidings tail --json', logOf([insert]));
  assert.deepEqual(parseWire(whole), insert);
});

test('tail --json: CloudEvents, one per line', async () => {
  const { out } = await tidings('tidings tail --json', logOf(CHANGES));
  const lines = out.trimEnd().split('\n');
  assert.deepEqual(lines.map(parseWire), CHANGES);
});

test('tail: what it asks the log for', async () => {
  const asked = async (line: string): Promise<ChangeQuery | undefined> => {
    const log = logOf([]);
    assert.equal((await tidings(line, log)).code, 0);
    const [query] = log.queries;
    if (query === undefined) return undefined;
    const { onNotLogged, ...rest } = query;
    assert.equal(onNotLogged !== undefined, query.follow, 'who waits is warned only');
    return rest;
  };
  assert.deepEqual(await asked('tidings tail'), { from: 'head', follow: true });
  assert.deepEqual(
    await asked(
      'tidings tail --from 120 --no-follow --limit 5 --source main --table a.* --table !a.b',
    ),
    { from: 120, follow: false, limit: 5, source: 'main', tables: ['a.*', '!a.b'] },
  );
  assert.deepEqual(await asked('tidings tail --from 2026-11-21T08:00:00Z'), {
    from: new Date('2026-11-21T08:00:00Z'),
    follow: true,
  });
  const ago = await asked('tidings tail --from 10m');
  assert.ok(ago?.from instanceof Date);
  assert.ok(Math.abs(Date.now() - 600_000 - ago.from.getTime()) < 10_000);
});

test('tail: Ctrl-C is how one leaves it', async () => {
  const { code, out, err } = await tidings('tidings tail', (io) => ({
    inspection: {
      async *changes(_query, signal) {
        yield CHANGE;
        io.interrupt();
        signal.throwIfAborted();
      },
    },
  }));
  assert.equal(code, 0);
  assert.notEqual(out, '');
  assert.equal(err, '');
});
