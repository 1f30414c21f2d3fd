import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type pg from 'pg';

/** What of pg's connection a COPY needs; its types leave it out. */
interface CopyConnection {
  readonly stream: Writable;
  query(text: string): void;
  endCopyFrom(): void;
}

const COPY_DATA = 0x64; // 'd'
const HEADER = 5;

/**
 * One COPY … FROM STDIN that rows are streamed into. The server reads one part while the next is put
 * together; a part waits until the one before has left this process.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY
 */
export class CopyIn {
  readonly #ready = Promise.withResolvers<CopyConnection>();
  readonly #done = Promise.withResolvers<void>();

  constructor(client: pg.Client, text: string) {
    // Whoever writes or ends meets the error.
    this.#ready.promise.catch(() => undefined);
    this.#done.promise.catch(() => undefined);
    const fail = (error: unknown): void => {
      this.#ready.reject(error);
      this.#done.reject(error);
    };
    client.query({
      submit: (connection: unknown) => (connection as CopyConnection).query(text),
      handleCopyInResponse: (connection: CopyConnection) => this.#ready.resolve(connection),
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => this.#done.resolve(),
      handleError: fail,
    } as pg.Submittable);
  }

  /** @param data rows in the text format of COPY; must not be changed afterwards. */
  async write(data: Buffer): Promise<void> {
    const { stream } = await this.#ready.promise;
    const header = Buffer.allocUnsafe(HEADER);
    header.writeUInt8(COPY_DATA);
    header.writeUInt32BE(data.length + HEADER - 1, 1);
    stream.cork();
    stream.write(header);
    const drained = stream.write(data);
    stream.uncork();
    // After an error the server reads on, and what it reads is for nothing.
    if (!drained) await Promise.race([once(stream, 'drain'), this.#done.promise]);
  }

  async end(): Promise<void> {
    const connection = await this.#ready.promise;
    connection.endCopyFrom();
    await this.#done.promise;
  }
}
