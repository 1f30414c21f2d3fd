import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WIRE_START } from '../../change/wire.ts';
import { attempt } from '../../../test/support/webhook-receiver.ts';
import { testSink } from '../sink.contract.ts';
import type { Outcome } from '../sink.ts';
import { FILE_KIND } from './file-kind.ts';
import { FileSink } from './file-sink.ts';
import type { Rotation } from './file-settings.ts';

const { signal } = new AbortController();

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'tidings-file-'));
  readonly file = join(this.path, 'changes.ndjson');

  /** Ids of the changes in a file, which has whole lines only. */
  ids(file = this.file): readonly string[] {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text === '') return [];
    assert.ok(text.endsWith('\n'));
    return text
      .slice(0, -1)
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly id: string }).id);
  }

  names(): readonly string[] {
    return readdirSync(this.path).toSorted();
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

testSink('file', async () => {
  const folder = new Folder();
  const { file } = folder;
  const sink = new FileSink(file);
  let pipe = false;
  let full = false;
  return {
    sink,
    get received() {
      // Reading from either would not end.
      return pipe || full ? [] : folder.ids(file);
    },
    behave(behaviour) {
      if (existsSync(file)) unlinkSync(file);
      full = behaviour === 'fails';
      if (full) symlinkSync('/dev/full', file);
      pipe = behaviour === 'hangs until aborted';
      // Opening a pipe waits until somebody reads from it.
      if (pipe) execFileSync('mkfifo', [file]);
    },
    async [Symbol.asyncDispose]() {
      if (pipe) {
        // With a reader it takes what comes, so what was given up before is over.
        const reader = openSync(file, constants.O_RDWR);
        await sink.deliver(numbered(0), signal);
        closeSync(reader);
      }
      await sink[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
});

/** Delivers changes of these numbers at once; resolves when all have ended. */
async function deliver(sink: FileSink, ...numbers: readonly number[]): Promise<Outcome[]> {
  return Promise.all(numbers.map((each) => sink.deliver(numbered(each), signal)));
}

function numbered(number: number): ReturnType<typeof attempt> {
  const { change, ...rest } = attempt();
  return { ...rest, change: { ...change, id: `main:${number}`, offset: number } };
}

function idsOf(...numbers: readonly number[]): readonly string[] {
  return numbers.map((number) => `main:${number}`);
}

function open(folder: Folder, rotation?: Rotation): FileSink {
  return new FileSink(folder.file, rotation);
}

test('lines are in the order of the attempts, in the form of the wire', async () => {
  using folder = new Folder();
  await using sink = open(folder);
  const numbers = Array.from({ length: 500 }, (_, index) => index);
  await deliver(sink, ...numbers);
  assert.deepEqual(folder.ids(), idsOf(...numbers));
});

test('the folder is made, and a file that is there goes on', async () => {
  using folder = new Folder();
  const file = join(folder.path, 'a', 'b', 'changes.ndjson');
  for (const number of [1, 2]) {
    await using sink = new FileSink(file);
    await deliver(sink, number);
  }
  assert.deepEqual(folder.ids(file), idsOf(1, 2));
});

test('a full disk makes every change wait, at no cost of attempts, and none is torn', async () => {
  using folder = new Folder();
  await using sink = open(folder);
  symlinkSync('/dev/full', folder.file);
  for (const outcome of await deliver(sink, 1, 2, 3)) {
    assert.ok(outcome.kind === 'retry' && outcome.rest === true && outcome.outage === true);
    assert.ok((outcome.after ?? 0) > 0);
    assert.equal(outcome.error.code, 'ENOSPC');
  }
  unlinkSync(folder.file);
  const ended = await deliver(sink, 1, 2, 3);
  assert.ok(ended.every(({ kind }) => kind === 'ack'));
  assert.deepEqual(folder.ids(), idsOf(1, 2, 3));
});

test('a line that a crash cut off goes; its change comes again', async () => {
  for (const rest of [WIRE_START.slice(0, 9), `${WIRE_START}change.v1","id":"main:7`]) {
    using folder = new Folder();
    {
      await using sink = open(folder);
      await deliver(sink, 1);
    }
    appendFileSync(folder.file, rest.padEnd(200_000, 'x').slice(0, rest.length > 40 ? 200_000 : 9));
    await using sink = open(folder);
    await deliver(sink, 2);
    assert.deepEqual(folder.ids(), idsOf(1, 2));
  }
});

test('a file of somebody else is not touched', async () => {
  using folder = new Folder();
  writeFileSync(folder.file, 'name,balance\nann,5');
  await using sink = open(folder);
  const [outcome] = await deliver(sink, 1);
  assert.ok(outcome?.kind === 'retry');
  assert.equal(outcome.error.code, 'FILE_FOREIGN');
  assert.match(outcome.error.message, /changes\.ndjson ends in the middle of a line/);
  assert.equal(readFileSync(folder.file, 'utf8'), 'name,balance\nann,5');
});

test('a file that logrotate moves away, or somebody removes, begins anew', async () => {
  using folder = new Folder();
  await using sink = open(folder);
  await deliver(sink, 1);
  renameSync(folder.file, `${folder.file}.1`);
  await deliver(sink, 2);
  unlinkSync(folder.file);
  await deliver(sink, 3);
  assert.deepEqual(folder.ids(`${folder.file}.1`), idsOf(1));
  assert.deepEqual(folder.ids(), idsOf(3));
});

test('a full file is renamed before the next line, also in the middle of a burst', async () => {
  using folder = new Folder();
  await using sink = open(folder, { size: 1_000 });
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  await deliver(sink, ...numbers);
  const [current, ...full] = folder.names().toReversed();
  assert.equal(current, 'changes.ndjson');
  assert.ok(full.length > 3, `${full.length} full files`);
  const files = folder.names().map((name) => join(folder.path, name));
  const all = files.flatMap((file) => folder.ids(file));
  assert.deepEqual(all, idsOf(...numbers), 'nothing is missing or twice, and names sort by time');
  for (const file of files.slice(0, -1)) assert.ok(readFileSync(file).length < 2_000);
});

test('a new period begins a new file, also after a restart', async () => {
  using folder = new Folder();
  {
    await using sink = open(folder, { every: 86_400_000 });
    await deliver(sink, 1);
  }
  utimesSync(folder.file, new Date('2026-01-02T03:04:05Z'), new Date('2026-01-02T03:04:05Z'));
  await using sink = open(folder, { every: 86_400_000 });
  await deliver(sink, 2);
  const [full = '', current = ''] = folder.names();
  assert.match(full, /^changes\.\d{4}-/);
  assert.deepEqual([folder.ids(join(folder.path, full)), folder.ids()], [idsOf(1), idsOf(2)]);
  assert.equal(current, 'changes.ndjson');
});

test('whoever else writes to it, or empties it, loses nothing by a line that failed', async () => {
  using folder = new Folder();
  await using sink = open(folder);
  await deliver(sink, 1);
  truncateSync(folder.file);
  await deliver(sink, 2);
  assert.deepEqual(folder.ids(), idsOf(2));
  const other = `${readFileSync(folder.file, 'utf8').trim().replace('main:2', 'main:9')}\n`;
  appendFileSync(folder.file, other);
  await deliver(sink, 3);
  assert.deepEqual(folder.ids(), idsOf(2, 9, 3));
});

test('two for one file by different names: the second waits and says why', async () => {
  using folder = new Folder();
  await using first = open(folder);
  await deliver(first, 1);
  const link = join(folder.path, 'link.ndjson');
  symlinkSync(folder.file, link);
  await using second = new FileSink(link);
  const [outcome] = await deliver(second, 2);
  assert.ok(outcome?.kind === 'retry' && outcome.outage === true);
  assert.equal(outcome.error.code, 'FILE_SHARED');
  await first[Symbol.asyncDispose]();
  await deliver(second, 2);
  assert.deepEqual(folder.ids(), idsOf(1, 2));
});

test('behind a link the file itself is renamed, and the next one is beside it', async () => {
  using folder = new Folder();
  mkdirSync(join(folder.path, 'disk'));
  const target = join(folder.path, 'disk', 'real.ndjson');
  symlinkSync(target, folder.file);
  await using sink = open(folder, { size: 1 });
  await deliver(sink, 1);
  await deliver(sink, 2);
  assert.deepEqual(folder.names(), ['changes.ndjson', 'disk']);
  const [full = '', current] = readdirSync(join(folder.path, 'disk')).toSorted();
  assert.equal(current, 'real.ndjson');
  assert.deepEqual(
    [folder.ids(join(folder.path, 'disk', full)), folder.ids(target)],
    [idsOf(1), idsOf(2)],
  );
});

test('zeros at the end, as a crash of the machine leaves them, go', async () => {
  using folder = new Folder();
  {
    await using sink = open(folder);
    await deliver(sink, 1);
  }
  appendFileSync(folder.file, Buffer.alloc(100_000));
  await using sink = open(folder);
  await deliver(sink, 2);
  assert.deepEqual(folder.ids(), idsOf(1, 2));
});

test('doctor finds what could never be written', () => {
  using folder = new Folder();
  const check = (path: string): string => FILE_KIND.configured({ path }).check('crm').status;
  writeFileSync(folder.file, '');
  assert.equal(check(folder.file), 'ok');
  assert.equal(check(join(folder.path, 'a', 'b.ndjson')), 'ok');
  assert.equal(check(folder.path), 'failed', 'a folder');
  assert.equal(check(join(folder.file, 'b.ndjson')), 'failed', 'below a file');
});
