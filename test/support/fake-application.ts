import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Inspection } from '../../src/app/inspection/inspection.ts';
import type { Looking } from '../../src/app/looking/looking.ts';
import type { Status } from '../../src/app/status/status.ts';
import type { Tidings } from '../../src/app/tidings.ts';
import { run } from '../../src/cli/run.ts';
import type { Services } from '../../src/cli/services.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { recordedIo, type RecordedIo, type RecordedIoOptions } from './recorded-io.ts';

/** A database that nobody connects to; the password must never be shown. */
export const URL = 'postgresql://ann:geheim@db.example/shop';

/** A directory of this test file, empty at first. */
export const directory = mkdtempSync(join(tmpdir(), 'tidings-cli-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

/** What a command wrote and how it ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly io: RecordedIo;
}

/** The parts of an application that a command needs. */
export interface Parts {
  readonly inspection?: Partial<Inspection>;
  readonly looking?: Partial<Looking>;
  readonly app?: Partial<Tidings>;
  /** Told what is done to the own PostgreSQL, and with what the application is created. */
  readonly calls?: string[];
}

/** Runs a command on an application of which only these parts are there. */
export async function tidings(
  line: string,
  parts: Parts | ((io: RecordedIo) => Parts) = {},
  options: RecordedIoOptions = {},
): Promise<Ended> {
  const io = recordedIo({ env: { DATABASE_URL: URL }, cwd: directory, ...options });
  const { inspection, looking, app, calls = [] } = typeof parts === 'function' ? parts(io) : parts;
  const disposable = (name: string): AsyncDisposable => ({
    [Symbol.asyncDispose]: () => {
      calls.push(`close ${name}`);
      return Promise.resolve();
    },
  });
  const services: Services = {
    loadConfig,
    openInspection: () =>
      Promise.resolve({
        ...disposable('inspection'),
        unconfigured: () => Promise.resolve([]),
        ...inspection,
      } as Inspection),
    openUndo: () => Promise.reject(new Error('These tests have no undo')),
    openLooking: () => Promise.resolve({ ...disposable('looking'), ...looking } as Looking),
    createTidings: (_config, { acceptGaps, acceptRewinds, upgraded }) => {
      calls.push(
        `create ${[...acceptGaps, ...acceptRewinds].join()}${upgraded.map((name) => ` upgraded ${name}`).join('')}`,
      );
      return Promise.resolve({ ...disposable('app'), ...app } as Tidings);
    },
    startEmbedded: () => {
      calls.push('start own');
      return Promise.resolve({ ...disposable('own'), url: 'postgresql://own@localhost/db' });
    },
    removeEmbedded: () => {
      calls.push('remove own');
      return Promise.resolve();
    },
  };
  const code = await run(line.split(' ').slice(1), io, services);
  return { code, ...io.written, io };
}

/** A command's only output, which has to be one document on one line. */
export function json(text: string): unknown {
  assert.match(text, /^[^\n]+\n$/, 'one document on one line');
  return JSON.parse(text);
}

/** A status with something of everything. */
export const STATUS: Status = {
  service: {
    pid: 4711,
    version: '0.1.0',
    startedAt: '2020-11-21T08:00:00.000Z',
    at: '2020-11-21T10:05:00.000Z',
    dataDir: '/srv/shop/.tidings',
  },
  sources: [
    {
      name: 'main',
      url: 'postgresql://ann:***@db.example/shop',
      state: 'reconnecting',
      error: { code: 'SOURCE_UNREACHABLE', message: 'No answer.', hint: 'Look there.' },
      position: '00000000016B3748',
      lagBytes: 1_500,
      retainedBytes: 16e6,
      uncaptured: 2_000_000,
      safeBytes: 1e6,
      log: {
        head: 123_456,
        floor: 1_000,
        horizon: 123_456,
        bytes: 12e6,
        segments: 2,
        gaps: 1,
        kept: 0,
        hold: null,
      },
      captured: { changes: 5, transactions: 2, reconnects: 1 },
    },
  ],
  subscriptions: [
    {
      name: 'crm',
      source: 'main',
      state: 'live',
      reason: null,
      cursor: 123_450,
      lag: 6,
      inFlight: 1,
      retrying: 2,
      blocked: 0,
      parked: 1,
      stuck: 0,
      stuckSince: null,
      delivered: 99_999,
      rate: 1_204.3,
      caughtUpIn: 1_661,
      lastError: {
        code: 'HANDLER_FAILED',
        message: 'no\u001b[2J route',
        at: '2026-11-20T08:00:00.000Z',
      },
    },
  ],
};

/** A service that has started, and ends with this. */
export function serviceThat(ends: Promise<void>, calls: string[] = []): Parts {
  const note = (call: string) => (): Promise<void> => {
    calls.push(call);
    return Promise.resolve();
  };
  const app = {
    start: note('start'),
    drain: note('drain'),
    finished: ends,
    status: () => Promise.resolve(STATUS),
  };
  return { app, calls };
}
