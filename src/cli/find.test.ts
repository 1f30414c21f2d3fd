import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, tidings, URL } from '../../test/support/fake-application.ts';
import type { JsonValue } from '../change/dialect.ts';
import { DELETED, fakeLooking, TRANSACTION } from '../../test/support/fake-looking.ts';

test('find: a line per transaction, and what to do next', async () => {
  const { code, out, err } = await tidings('tidings find --min-rows 100', fakeLooking());
  assert.equal(code, 0);
  assert.equal(
    out,
    '2020-01-02 03:04:05.678        7712  public.accounts: 159 deleted  by ann  request=7\n',
  );
  assert.match(err, /3 changes could not be compared/);
  assert.match(err, /→ tidings show 7712\n→ tidings undo --transaction 7712\n$/);
});

test('find: what it suggests looks into the same log, and is called the same way', async () => {
  const { err } = await tidings('tidings find --source main --data-dir my-log', fakeLooking(), {
    env: { DATABASE_URL: URL, npm_config_user_agent: 'npm/11.6.0 node/v24' },
  });
  assert.match(
    err,
    /→ npx tidings show 7712 --data-dir my-log --source main\n→ npx tidings undo --transaction 7712 --data-dir my-log --source main\n$/,
  );
});

test('find: an undo says in words what it took back; any other context stays as it is', async () => {
  const line = async (undoOf: JsonValue): Promise<string> =>
    (await tidings('tidings find', fakeLooking([{ ...TRANSACTION, context: { undoOf } }]))).out;
  assert.match(
    await line({ what: 'transaction 7', plan: 'p' }),
    /deleted {2}undo of transaction 7\n$/,
  );
  assert.match(await line({ what: 'x\u001b[2J' }), /undo of x\\u001b\[2J\n$/);
  assert.match(await line({ plan: 'p' }), /undoOf=\{"plan":"p"\}\n$/);
  assert.match(await line('mine'), /undoOf=mine\n$/);
});

test('find: nothing found is no failure, and says how far the log reaches', async () => {
  const { code, out, err } = await tidings('tidings find', fakeLooking([]));
  assert.deepEqual([code, out], [0, '']);
  assert.match(err, /^No transaction matches in offsets 100 to 300. The log begins at 2020-01-01/);
});

test('find: bookkeeping of migration tools is marked, and alone no undo is offered of it', async () => {
  const one = { ...DELETED, table: 'public.django_migrations', tool: 'Django', delete: 1 };
  const older = { ...TRANSACTION, id: '7711' };
  const alone = await tidings(
    'tidings find',
    fakeLooking([TRANSACTION], [], () => [one]),
  );
  assert.match(alone.out, /public\.django_migrations \(bookkeeping of Django\): 1 deleted/);
  assert.match(alone.err, /→ tidings show 7712\n$/);
  const counts = ({ id }: typeof TRANSACTION) => (id === '7712' ? [one] : [one, DELETED]);
  const both = await tidings('tidings find', fakeLooking([TRANSACTION, older], [], counts));
  assert.match(both.err, /→ tidings show 7711\n→ tidings undo --transaction 7711\n$/);
  const shown = await tidings('tidings show 7712', fakeLooking([TRANSACTION], undefined, counts));
  assert.match(shown.out, /public\.django_migrations \(bookkeeping of Django\) +0 /);
  assert.ok(!shown.err.includes('undo'), shown.err);
});

test('find --json: a report per line', async () => {
  const { out } = await tidings('tidings find --json', fakeLooking());
  assert.deepEqual(json(out), {
    transaction: TRANSACTION,
    matching: 159,
    tables: [DELETED],
    schemaChanges: [],
  });
});

test('find: what it asks for', async () => {
  const looking = fakeLooking();
  const line =
    'tidings find --source main --table a.* --table b --operation delete --operation update ' +
    '--key id=7 --since 2026-11-21T13:45:00.123456+01:00 --until 500 --before email=a --after email=b ' +
    '--where after.x>1 --min-rows 9 --actor ann --context request.id=7 --limit 3';
  assert.equal((await tidings(line, looking)).code, 0);
  assert.deepEqual(looking.queries, [
    {
      source: 'main',
      tables: ['a.*', 'b'],
      operations: ['delete', 'update'],
      key: 'id=7',
      since: { time: Date.parse('2026-11-21T12:45:00Z') * 1000 + 123_456 },
      until: { offset: 500 },
      before: ['email=a'],
      after: ['email=b'],
      where: 'after.x>1',
      minChanges: 9,
      actor: 'ann',
      context: ['request.id=7'],
      limit: 3,
    },
  ]);
});

test('find: what cannot be read is bad usage', async () => {
  for (const option of ['--operation upsert', '--since yesterday', '--min-rows 0', '--limit x']) {
    const { code, err } = await tidings(`tidings find ${option}`, fakeLooking());
    assert.equal(code, 64, option);
    assert.match(err, /USAGE/);
  }
});
