import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Answered, NO_DATABASE, serveApi } from '../../test/support/api-fixture.ts';
import { project, tidings } from '../../test/support/tidings-process.ts';
import { ENDS } from '../../test/support/until.ts';
import type { TrimReport } from '../app/trimming/trim-request.ts';
import { encodeImages } from '../change/row-images.ts';
import { openSqliteLog } from '../log/sqlite/sqlite-log.ts';
import { SqliteState } from '../state/sqlite/sqlite-state.ts';
import { POSTGRES_DIALECT } from '../source/postgres/values/dialect.ts';

const RECORDS = 30;

function assertProblem({ status, json }: Answered, expected: number, code: string): void {
  assert.deepEqual([status, json<{ readonly code: string }>().code], [expected, code]);
}

/** Records of 100 kB, some ten in a segment. */
async function fillLog(dataDir: string): Promise<void> {
  mkdirSync(dataDir);
  // A log without a state beside it is refused.
  await using _state = SqliteState.open(join(dataDir, 'state.sqlite'));
  const directory = join(dataDir, 'log', 'main');
  await using log = await openSqliteLog({ directory, source: 'main', segmentBytes: 2 ** 20 });
  const { writer } = log;
  const column = { kind: 'text', type: 'text', array: false, name: 'id' } as const;
  const table = writer.defineTable({
    schema: 'public',
    name: 't',
    columns: [column, { ...column, name: 'value' }],
    key: [0],
    identity: 'full',
    dialect: POSTGRES_DIALECT.name,
  });
  for (let index = 0; index < RECORDS; index++) {
    writer.begin({ id: String(index), position: String(index + 1).padStart(16, '0') });
    const images = encodeImages({ before: null, after: [String(index), 'x'.repeat(100_000)] });
    writer.append({ table, operation: 'insert', key: String(index), previousKey: null, images });
    writer.commit({ committedAt: Date.now() * 1_000, context: null });
    await writer.flush();
  }
}

test(
  'beside a running service: what can go goes, and who holds the rest is named',
  ENDS,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidings-trim-'));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rmSync(directory, { recursive: true }));
    const dataDir = join(directory, 'data');
    await fillLog(dataDir);
    await using api = await serveApi({ dataDir }, (tidings) => {
      tidings.register('crm', 'public.*', { from: 'floor', insert: () => undefined });
    });
    const trim = async (body: unknown): Promise<TrimReport> => {
      const { status, json, text } = await api.ask('POST', '/v1/log/trim', { body });
      assert.equal(status, 200, text);
      const [report] = json<{ readonly reports: readonly TrimReport[] }>().reports;
      assert.ok(report !== undefined);
      return report;
    };
    const held = await trim({ keepBytes: 1 });
    assert.deepEqual([held.floor, held.removedSegments], [0, 0]);
    const [holder] = held.hold?.holders ?? [];
    assert.deepEqual([holder?.subscription, holder?.why, holder?.offset], ['crm', 'cursor', 0]);
    assert.ok(Date.parse(holder?.since ?? '') > 0, 'and since when');
    const refused = await api.ask('POST', '/v1/log/trim', { body: { before: 20 } });
    assertProblem(refused, 409, 'LOG_NEEDED');
    assert.match(refused.text, /subscription crm has not read on from offset 0/);
    const both = { before: 1, keepBytes: 1 };
    assertProblem(await api.ask('POST', '/v1/log/trim', { body: both }), 400, 'REQUEST_INVALID');
    const unknown = { before: 1, source: 'none' };
    assertProblem(await api.ask('POST', '/v1/log/trim', { body: unknown }), 404, 'SOURCE_UNKNOWN');

    // The command does it by the service that has the log.
    using at = project(NO_DATABASE, { dataDir });
    const named = await tidings(['log', 'trim', '--keep-bytes', '1', '--config', at.config]);
    assert.equal(named.code, 0, named.stderr);
    assert.match(
      named.stdout,
      /nothing to remove; .*\n.* could go, but for:\n.*crm, which has not read on from offset 0/,
    );
    const forced = await trim({ keepBytes: 1, force: true });
    assert.ok(forced.floor > 0 && forced.removedSegments > 0 && forced.hold === null);
  },
);
