import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Change } from '../../change/change.ts';
import { createChangeDecoder } from '../../change/decode.ts';
import type { Config } from '../../config/define-config.ts';
import { resolveConfig } from '../../config/resolve-config.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { SqliteLogReader } from '../../log/sqlite/sqlite-log.ts';
import { retainFrom } from '../../log/sqlite/retention.ts';
import { verifySqliteLog } from '../../log/sqlite/verify.ts';
import type { CheckResult } from '../../source/source.ts';
import { SqliteStateReader } from '../../state/sqlite/sqlite-state-reader.ts';
import { SqliteState } from '../../state/sqlite/sqlite-state.ts';
import {
  DIALECTS,
  logDirectory,
  openLog,
  openLogReader,
  openSource,
  statePath,
} from '../adapters.ts';
import { DataLock } from '../data-lock.ts';
import { checkIdentity } from './check-identity.ts';
import { checkDataDirectory, checkSubscriptions } from './disk-checks.ts';
import type {
  ChangeQuery,
  Inspection,
  TrimReport,
  TrimRequest,
  VerifyFinding,
  VerifyReport,
} from './inspection.ts';
import { logChanges } from './log-changes.ts';
import { statusFromDisk } from '../status/status-from-disk.ts';
import type { Status } from '../status/status.ts';

/** Opens a look from outside; nothing is opened or connected before it is asked for. */
export async function openInspection(
  config: Parameters<typeof resolveConfig>[0],
): Promise<Inspection> {
  return await Promise.resolve(new DiskInspection(resolveConfig(config)));
}

class DiskInspection implements Inspection {
  readonly #config: Config;
  readonly #opened = new AsyncDisposableStack();
  readonly #logs = new Map<string, SqliteLogReader>();

  constructor(config: Config) {
    this.#config = config;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  async status(_signal: AbortSignal): Promise<Status> {
    await using state = SqliteStateReader.openExisting(statePath(this.#config));
    for (const name of this.#sourceNames()) {
      if (existsSync(logDirectory(this.#config, name))) await (await this.#log(name)).refresh();
    }
    return await statusFromDisk(this.#config, state, this.#logs);
  }

  async *changes(query: ChangeQuery, signal: AbortSignal): AsyncGenerator<Change> {
    const name = query.source ?? this.#onlySource();
    const log = await this.#log(name);
    let left = query.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    const { from, to, tables, follow, onPassedOver } = query;
    const decoder = createChangeDecoder(name, DIALECTS);
    const refresh = (): Promise<void> => log.refresh();
    for await (const change of logChanges({
      log,
      decoder,
      from,
      to,
      tables,
      follow,
      onPassedOver,
      refresh,
      signal,
    })) {
      yield change;
      left -= 1;
      if (left <= 0) return;
    }
  }

  async marks(options: Parameters<Inspection['marks']>[0]): ReturnType<Inspection['marks']> {
    const log = await this.#log(options.source ?? this.#onlySource());
    await log.refresh();
    return log.marks();
  }

  async verify(
    options: Parameters<Inspection['verify']>[0],
    signal: AbortSignal,
  ): Promise<VerifyReport> {
    const gaps: VerifyReport['gaps'][number][] = [];
    const marks: VerifyReport['marks'][number][] = [];
    const findings: VerifyFinding[] = [];
    let records = 0;
    let segments = 0;
    for (const source of this.#sourceNames(options.source)) {
      const found = await verifySqliteLog(logDirectory(this.#config, source), source, {
        signal,
        onProgress: (done, total) => options.onProgress?.({ source, records: done, total }),
      });
      records += found.records;
      segments += found.segments;
      gaps.push(...found.gaps.map((gap) => ({ ...gap, source })));
      marks.push(...found.marks.map((mark) => ({ ...mark, source })));
      findings.push(...found.findings.map((finding) => ({ ...finding, source })));
    }
    return { records, segments, gaps, marks, findings };
  }

  async trim(
    request: TrimRequest,
    options: Parameters<Inspection['trim']>[1],
    _signal: AbortSignal,
  ): Promise<readonly TrimReport[]> {
    using _lock = DataLock.acquire(this.#config.dataDir);
    await using state = SqliteState.open(statePath(this.#config));
    await state.sync();
    const reports: TrimReport[] = [];
    for (const source of this.#sourceNames(options.source)) {
      const needed = options.force ? null : await state.neededFrom(source);
      reports.push(await this.#trimOne(source, request, needed));
    }
    return reports;
  }

  async check(signal: AbortSignal): ReturnType<Inspection['check']> {
    const subjects: { subject: string; checks: readonly CheckResult[] }[] = [
      { subject: 'data directory', checks: await checkDataDirectory(this.#config) },
    ];
    for (const name of this.#sourceNames()) {
      await using source = openSource(this.#config, name, () => undefined);
      const checks = await source.check(signal);
      const identity = await checkIdentity(await this.#expectedIdentity(name), source, signal);
      subjects.push({
        subject: `source ${name}`,
        checks: identity === null ? checks : [...checks, identity],
      });
    }
    const subscriptions = checkSubscriptions(this.#config);
    if (subscriptions.length > 0)
      subjects.push({ subject: 'subscriptions', checks: subscriptions });
    return subjects;
  }

  uninstallPlan(): readonly string[] {
    return this.#sourceNames().map(
      (name) => `slot, publications and triggers of source ${name} in its database`,
    );
  }

  async uninstallCosts(signal: AbortSignal): Promise<readonly string[]> {
    const costs: string[] = [];
    for (const name of this.#sourceNames()) {
      await using source = openSource(this.#config, name, () => undefined);
      costs.push(...(await source.tearDownCosts(signal)));
    }
    return costs;
  }

  async uninstall(
    options: Parameters<Inspection['uninstall']>[0],
    signal: AbortSignal,
  ): ReturnType<Inspection['uninstall']> {
    const { dataDir } = this.#config;
    // Whoever captures at the moment would see its slot go; and the data directory with it.
    using _lock = DataLock.acquire(dataDir);
    const reports: { source: string; removed: readonly string[] }[] = [];
    for (const name of this.#sourceNames()) {
      await using source = openSource(this.#config, name, () => undefined);
      reports.push({ source: name, removed: await source.tearDown(signal) });
    }
    if (options.data) await removeData(dataDir);
    return reports;
  }

  async #trimOne(source: string, request: TrimRequest, needed: number | null): Promise<TrimReport> {
    await using log = await openLog(this.#config, source, undefined);
    const before = await log.size();
    const segments = await log.segments();
    if ('before' in request && needed !== null && request.before > needed) {
      throw new TidingsError('LOG_NEEDED', { source, before: request.before, needed });
    }
    const limit =
      'before' in request ? request.before : retainFrom(toRetention(request, segments, needed));
    const floor = await log.trim(limit);
    const after = await log.size();
    return {
      source,
      floor,
      removedSegments: before.segments - after.segments,
      removedBytes: Math.max(0, before.bytes - after.bytes),
    };
  }

  /** What is written down of a source; null when nothing is. */
  async #expectedIdentity(source: string): Promise<string | null> {
    await using state = SqliteStateReader.openExisting(statePath(this.#config));
    return state === null ? null : await state.sourceIdentity(source);
  }

  async #log(source: string): Promise<SqliteLogReader> {
    let log = this.#logs.get(source);
    if (log === undefined) {
      log = this.#opened.use(await openLogReader(this.#config, source));
      this.#logs.set(source, log);
    }
    return log;
  }

  #sourceNames(only?: string): readonly string[] {
    const names = Object.keys(this.#config.sources);
    if (only === undefined) return names;
    if (!names.includes(only)) throw new TidingsError('SOURCE_UNKNOWN', { source: only });
    return [only];
  }

  #onlySource(): string {
    const [first, ...others] = this.#sourceNames();
    if (first === undefined) throw new TidingsError('CONFIG_NO_SOURCE', {});
    if (others.length > 0) {
      throw new TidingsError('SOURCE_AMBIGUOUS', { sources: [first, ...others].join(', ') });
    }
    return first;
  }
}

/** What Tidings itself keeps in its data directory; a folder may hold other things as well. */
const OWN_FILES = ['log', 'state.sqlite', 'state.sqlite-wal', 'state.sqlite-shm'];
const OWN_LEFTOVERS = [
  'lock.sqlite',
  'lock.sqlite-journal',
  'lock.pid',
  'postgres',
  'postgres.url',
];

/** Removes the log and the state, and the folder itself when nothing else is in it. */
async function removeData(dataDir: string): Promise<void> {
  for (const name of [...OWN_FILES, ...OWN_LEFTOVERS]) {
    await rm(join(dataDir, name), { recursive: true, force: true });
  }
  if ((await readdir(dataDir)).length === 0) await rmdir(dataDir);
}

function toRetention(
  request: Exclude<TrimRequest, { readonly before: number }>,
  segments: Parameters<typeof retainFrom>[0]['segments'],
  needed: number | null,
): Parameters<typeof retainFrom>[0] {
  const now = Date.now() * 1000;
  return {
    segments,
    now,
    needed,
    maxAge: 'olderThan' in request ? now - request.olderThan.getTime() * 1000 : null,
    maxBytes: 'keepBytes' in request ? request.keepBytes : null,
  };
}
