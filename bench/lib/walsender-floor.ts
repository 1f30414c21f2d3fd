import pg from 'pg';

/**
 * The floor of capture: a consumer that reads a slot's stream to nowhere, as `pg_recvlogical -f
 * /dev/null` does. It looks only at each frame's length and, to know when to stop, at its first
 * bytes; it decodes nothing and stores nothing.
 */
export async function drainSlot(options: {
  readonly url: string;
  readonly slot: string;
  readonly publications: readonly string[];
  /** Stops when a transaction's end reaches this WAL position. */
  readonly until: bigint;
}): Promise<{ readonly seconds: number; readonly frames: number; readonly bytes: number }> {
  const config = { connectionString: options.url, replication: 'database' };
  const client = new pg.Client(config);
  client.on('error', () => undefined); // The socket is destroyed on purpose below.
  // The connection counts on both sides.
  const started = performance.now();
  await client.connect();
  const connection = (client as unknown as { connection: ReplicationConnection }).connection;
  const result = await new Promise<{ frames: number; bytes: number }>((resolve, reject) => {
    const reader = new FrameReader(options.until);
    // Taken over before the command is sent: its answer and the first rows may share a chunk.
    connection.stream.removeAllListeners('data');
    connection.stream.on('data', (chunk: Buffer) => {
      if (chunk[0] === 0x45) reject(new Error(chunk.toString('latin1')));
      else if (reader.read(chunk)) resolve({ frames: reader.frames, bytes: reader.bytes });
    });
    const names = options.publications.map((name) => `"${name}"`).join(',');
    connection.query(
      `START_REPLICATION SLOT "${options.slot}" LOGICAL 0/0 (proto_version '1', publication_names '${names}', messages 'true')`,
    );
  });
  const seconds = (performance.now() - started) / 1000;
  connection.stream.destroy();
  return { seconds, ...result };
}

interface ReplicationConnection {
  readonly stream: NodeJS.ReadableStream & { destroy(): void };
  query(text: string): void;
}

/** Walks frames by their length; splits of a frame over chunks are joined by copying the rest. */
class FrameReader {
  readonly #until: bigint;
  #rest: Buffer | null = null;
  frames = 0;
  bytes = 0;

  constructor(until: bigint) {
    this.#until = until;
  }

  /** True once the awaited commit has been seen. */
  read(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    const data = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    let done = false;
    while (at + 5 <= data.length) {
      const end = at + 1 + data.readUInt32BE(at + 1);
      if (end > data.length) break;
      // 'd' (CopyData), length, 'w' (XLogData), three 8-byte numbers, then the message; 'C' = commit,
      // whose end position follows its flags and its commit position.
      if (data[at + 5] === 0x77 && data[at + 30] === 0x43) {
        done ||= data.readBigUInt64BE(at + 40) >= this.#until;
      }
      this.frames += 1;
      at = end;
    }
    this.#rest = at < data.length ? data.subarray(at) : null;
    return done;
  }
}
