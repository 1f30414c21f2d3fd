import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Change } from '../../change/change.ts';
import { createChangeDecoder } from '../../change/decode.ts';
import type { Config } from '../../config/define-config.ts';
import { noSource } from '../../config/needed.ts';
import { resolveConfig } from '../../config/resolve-config.ts';
import { isTidingsError, TidingsError } from '../../errors/tidings-error.ts';
import type { SqliteLogReader } from '../../log/sqlite/sqlite-log.ts';
import { verifySqliteLog } from '../../log/sqlite/verify.ts';
import type { CheckResult } from '../../observe/check-result.ts';
import type { Source } from '../../source/source.ts';
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
import { endLost } from '../lost-ends.ts';
import { checkStateBesideLogs } from '../state-beside-logs.ts';
import { checkGaps } from './check-gaps.ts';
import { checkHistory } from './check-history.ts';
import { checkSourceNames } from './check-source-names.ts';
import { checkIdentity } from './check-identity.ts';
import { checkDataDirectory, checkSubscriptions } from './disk-checks.ts';
import { checkUnconfigured, unconfiguredSources } from './unconfigured-sources.ts';
import { describeTables } from './describe-tables.ts';
import type { ChangeQuery, Inspection, VerifyFinding, VerifyReport } from './inspection.ts';
import { checkRetention } from './check-retention.ts';
import { logChanges } from './log-changes.ts';
import { trimLog } from '../trimming/trim-log.ts';
import { trimAsAsked, type TrimReport, type TrimRequest } from '../trimming/trim-request.ts';
import { requireLogged, resolvePatterns } from '../../undo/looking/resolve-table.ts';
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

  unconfigured(): Promise<readonly string[]> {
    return unconfiguredSources(this.#config);
  }

  async *changes(query: ChangeQuery, signal: AbortSignal): AsyncGenerator<Change> {
    const name = query.source ?? this.#onlySource();
    const log = await this.#log(name);
    let left = query.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    const { from, to, follow, onPassedOver } = query;
    const tables = patternsOf(query, log, name);
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
    const forks: VerifyReport['forks'][number][] = [];
    const marks: VerifyReport['marks'][number][] = [];
    const findings: VerifyFinding[] = [];
    let records = 0;
    let segments = 0;
    await using state = SqliteStateReader.openExisting(statePath(this.#config));
    for (const source of this.#sourceNames(options.source)) {
      const furthest = (await state?.furthest(source)) ?? null;
      const found = await verifySqliteLog(logDirectory(this.#config, source), source, {
        signal,
        onProgress: (done, total) => options.onProgress?.({ source, records: done, total }),
      });
      records += found.records;
      segments += found.segments;
      gaps.push(...found.gaps.map((gap) => ({ ...gap, source })));
      forks.push(...found.forks.map((fork) => ({ ...fork, source })));
      marks.push(...found.marks.map((mark) => ({ ...mark, source })));
      findings.push(...found.findings.map((finding) => ({ ...finding, source })));
      const lost = endLost(this.#config, source, found.head, furthest);
      // What is damaged may not say where it ends.
      if (lost !== null && found.findings.length === 0) {
        const segment = logDirectory(this.#config, source);
        findings.push({ source, segment, offset: found.head, message: lost.message });
      }
    }
    return { records, segments, gaps, forks, marks, findings };
  }

  async trim(
    request: TrimRequest,
    options: Parameters<Inspection['trim']>[1],
    _signal: AbortSignal,
  ): Promise<readonly TrimReport[]> {
    using _lock = DataLock.acquire(this.#config.dataDir);
    checkStateBesideLogs(this.#config);
    await using state = SqliteState.open(statePath(this.#config));
    const reports: TrimReport[] = [];
    for (const source of this.#sourceNames(options.source)) {
      await using log = await openLog(this.#config, source, undefined);
      const subject = { source, log, state, settle: () => state.sync() };
      const trim: Parameters<typeof trimAsAsked>[2]['trim'] = (limits, check) =>
        trimLog(subject, limits, check);
      reports.push(await trimAsAsked(subject, request, { force: options.force, trim }));
    }
    return reports;
  }

  async check(signal: AbortSignal): ReturnType<Inspection['check']> {
    const subjects: { subject: string; checks: readonly CheckResult[] }[] = [
      {
        subject: 'data directory',
        checks: [
          ...(await checkDataDirectory(this.#config)),
          ...(await checkUnconfigured(this.#config)),
        ],
      },
    ];
    const unmet: CheckResult[] = [];
    for (const name of this.#sourceNames()) {
      const opened = sourceOrCheck(this.#config, name);
      if ('message' in opened) {
        subjects.push({ subject: `source ${name}`, checks: [opened] });
        continue;
      }
      await using source = opened;
      const checks = await source.check(signal);
      const identity = await checkIdentity(await this.#expectedIdentity(name), source, signal);
      const history = await checkHistory(this.#config, source, signal);
      const names = await checkSourceNames(this.#config, source, signal);
      unmet.push(...names.subscriptions);
      subjects.push({
        subject: `source ${name}`,
        checks: [...checks, ...names.tables, ...(identity === null ? [] : [identity]), ...history],
      });
    }
    const logs = await this.#checkLogs();
    if (logs.length > 0) subjects.push({ subject: 'log', checks: logs });
    const subscriptions = [...checkSubscriptions(this.#config), ...unmet];
    if (subscriptions.length > 0)
      subjects.push({ subject: 'subscriptions', checks: subscriptions });
    return subjects;
  }

  describe(
    { source, tables }: Parameters<Inspection['describe']>[0],
    signal: AbortSignal,
  ): ReturnType<Inspection['describe']> {
    const asked = tables === undefined ? {} : { asked: tables };
    const options = { source: source ?? this.#onlySource(), ...asked };
    return describeTables(this.#config, options, signal);
  }

  async #checkLogs(): Promise<readonly CheckResult[]> {
    await using state = SqliteStateReader.openExisting(statePath(this.#config));
    if (state === null) return [];
    const checks: CheckResult[] = [];
    for (const source of this.#sourceNames()) {
      if (!existsSync(logDirectory(this.#config, source))) continue;
      const log = await this.#log(source);
      await log.refresh();
      checks.push(await checkRetention({ source, log, state }, this.#config.log.retention));
      checks.push(...checkGaps(source, await log.gaps()));
    }
    return checks;
  }

  uninstallPlan(): readonly string[] {
    return this.#sourceNames().map(
      (name) => `slot, publications and triggers of source ${name} in its database`,
    );
  }

  async uninstallCosts(signal: AbortSignal): Promise<readonly string[]> {
    const costs: string[] = [];
    for (const name of this.#sourceNames()) {
      await using source = openSource(this.#config, name);
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
      await using source = openSource(this.#config, name);
      reports.push({ source: name, removed: await source.tearDown(signal) });
    }
    if (options.data) await removeData(dataDir);
    return reports;
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
    if (first === undefined) throw noSource('command');
    if (others.length > 0) {
      throw new TidingsError('SOURCE_AMBIGUOUS', { sources: [first, ...others].join(', ') });
    }
    return first;
  }
}

/** What a query's tables mean, also written without their schema; a slip of the pen is told. */
function patternsOf(
  { tables, onNotLogged }: ChangeQuery,
  log: SqliteLogReader,
  source: string,
): readonly string[] | undefined {
  if (tables === undefined) return undefined;
  const patterns = resolvePatterns(log, source, tables);
  for (const pattern of patterns) {
    try {
      requireLogged(log, source, pattern);
    } catch (error) {
      if (onNotLogged === undefined || !isTidingsError(error, 'TABLE_NOT_LOGGED')) throw error;
      onNotLogged(error);
    }
  }
  return patterns;
}

/** A source, or the check that says why there is none: the others are looked at all the same. */
function sourceOrCheck(config: Config, name: string): Source | CheckResult {
  try {
    return openSource(config, name);
  } catch (error) {
    if (!isTidingsError(error, 'CONFIG_VALUE_MISSING')) throw error;
    return { name: 'address', status: 'failed', message: error.message, fix: error.hint };
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
