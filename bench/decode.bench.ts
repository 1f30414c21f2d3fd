import type { ChangeReceiver } from '../src/source/source.ts';
import { StreamDecoder } from '../src/source/postgres/wire/decode-stream.ts';
import { type FrameHandler, FrameReader } from '../src/source/postgres/wire/frame-reader.ts';
import { RelationTable } from '../src/source/postgres/relation/relation-table.ts';
import { fixedCatalog } from '../test/support/fixed-catalog.ts';
import * as pgoutput from '../test/support/pgoutput.ts';
import type { Benchmark, Report } from './lib/report.ts';

/** What a socket hands over at most at once. */
const CHUNK = 64 * 1024;
const PER_TRANSACTION = 1_000;
const OID = 16_385;
/** One row's bytes are about the same as in the `capture` benchmark. */
const COLUMNS = ['id', 'name', 'email', 'balance', 'active', 'note', 'updated_at'];

/** Decoding alone: bytes as they come from the socket, to changes for a receiver that counts. */
export const benchmark: Benchmark = {
  description: 'Bytes of the replication stream to changes, without network and log',
  async run({ smoke }) {
    const changes = smoke ? 20_000 : 200_000;
    const rounds = smoke ? 2 : 15;
    const chunks = prepare(changes);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    // Alternating, so that both meet the same neighbours on the machine; the best round counts.
    let decoding = Number.POSITIVE_INFINITY;
    let copying = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      copying = Math.min(copying, copyAll(chunks));
      decoding = Math.min(decoding, await decodeAll(chunks, changes));
    }
    return report({ changes, bytes, rounds, decoding, copying });
  },
};

interface Measured {
  readonly changes: number;
  readonly bytes: number;
  readonly rounds: number;
  /** Seconds of CPU. */
  readonly decoding: number;
  readonly copying: number;
}

function report({ changes, bytes, rounds, decoding, copying }: Measured): Report {
  const perMillion = (decoding / changes) * 1_000_000;
  return {
    benchmark: 'decode',
    load:
      `${changes.toLocaleString('en-GB')} changes, half inserts, half updates with the whole old row, ` +
      `${Math.round(bytes / changes)} bytes each, ${PER_TRANSACTION} per transaction; best of ${rounds} rounds`,
    notes: [
      'no network, no log: what reading the socket and appending cost is in `capture`',
      'the floor copies the same bytes once and looks at each frame’s length',
    ],
    figures: [
      { name: 'changes decoded', value: changes / decoding, unit: 'changes/s' },
      { name: 'bytes decoded', value: bytes / decoding / 2 ** 20, unit: 'MiB/s' },
      { name: 'CPU per million changes', value: perMillion, unit: 's' },
    ],
    floor: [
      { name: 'changes copied', value: changes / copying, unit: 'changes/s' },
      { name: 'CPU per million changes', value: (copying / changes) * 1_000_000, unit: 's' },
    ],
    ratios: [
      {
        name: 'CPU per million changes',
        value: perMillion,
        goal: '≤ 1 s',
        reached: perMillion <= 1,
      },
    ],
  };
}

/** The stream's bytes in chunks that end anywhere, as those of a socket do. */
function prepare(changes: number): Buffer[] {
  const columns = COLUMNS.map((name) => ({ name, flagged: true }));
  const frames: Buffer[] = [
    pgoutput.xlogData(pgoutput.relation({ oid: OID, identity: 'f', columns })),
  ];
  for (let at = 0; at < changes; at++) {
    const first = at % PER_TRANSACTION === 0;
    const position = BigInt(Math.floor(at / PER_TRANSACTION) + 1);
    if (first && at > 0) frames.push(pgoutput.xlogData(pgoutput.commit(position - 1n, position)));
    if (first) frames.push(pgoutput.xlogData(pgoutput.begin(position, 700 + at)));
    frames.push(pgoutput.xlogData(change(at)));
  }
  const all = Buffer.concat(frames);
  const chunks: Buffer[] = [];
  for (let at = 0; at < all.length; at += CHUNK) chunks.push(all.subarray(at, at + CHUNK));
  return chunks;
}

function change(at: number): Buffer {
  const row = (balance: string): string[] => [
    String(at),
    `Account holder ${at}`,
    `holder${at}@mail.example`,
    balance,
    't',
    'n'.repeat(96),
    '2026-11-21 12:00:00.123456+00',
  ];
  if (at % 2 === 0) return pgoutput.insert(OID, row('10.00'));
  return pgoutput.update(OID, row('11.00'), { marker: 'O', row: row('10.00') });
}

/** What the catalogue would say of the table. */
class Counter implements ChangeReceiver {
  changes = 0;
  bytes = 0;
  keys = 0;
  streaming(): void {}
  table(): number {
    return 1;
  }
  begin(): boolean {
    return true;
  }
  change(change: { readonly key: string | null; readonly images: Uint8Array }): void {
    this.changes += 1;
    this.bytes += change.images.length;
    this.keys += change.key?.length ?? 0;
  }
  mark(): void {}
  lost(): void {}
  commit(): void {}
  abandon(): void {}
  idle(): void {}
  burst(): undefined {}
}

/** @returns seconds of CPU. */
async function decodeAll(chunks: readonly Buffer[], changes: number): Promise<number> {
  const receiver = new Counter();
  const relations = new RelationTable(receiver, fixedCatalog({ key: ['id'] }));
  const decoder = new StreamDecoder({ source: 'main', receiver, relations, from: null });
  const frames = new FrameReader();
  const handler: FrameHandler = {
    frame: (_type, body, start, end) => decoder.message(body, start + 25, end),
  };
  const started = process.cpuUsage();
  for (const chunk of chunks) {
    frames.push(chunk);
    while (!frames.read(handler)) await relations.lookUp(new AbortController().signal);
  }
  const seconds = cpuSince(started);
  if (receiver.changes !== changes) throw new Error(`${receiver.changes} changes were decoded`);
  return seconds;
}

const destination = Buffer.alloc(CHUNK);

function copyAll(chunks: readonly Buffer[]): number {
  const frames = new FrameReader();
  let count = 0;
  const handler: FrameHandler = {
    frame: () => {
      count += 1;
      return true;
    },
  };
  const started = process.cpuUsage();
  for (const chunk of chunks) {
    chunk.copy(destination);
    frames.push(chunk);
    frames.read(handler);
  }
  if (count === 0) throw new Error('there were no frames');
  return cpuSince(started);
}

function cpuSince(started: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1_000_000;
}
