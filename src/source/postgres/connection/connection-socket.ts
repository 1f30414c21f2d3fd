import { Socket, type SocketConstructorOpts } from 'node:net';

/** What is read at once at most; bytes. As much as Node.js reads by itself. */
const READ_BYTES = 64 * 1024;

/**
 * The socket below a replication connection.
 *
 * It reads into one buffer, over and over. By itself Node.js allocates 64 KiB for each read, and V8
 * counts them with the heap until they are swept: the more a stream brings, the sooner all of the heap
 * is marked again, several times a second while a backlog is captured (measured: 4.0 s of CPU per
 * million changes instead of 3.5).
 *
 * A paused stream goes on reading until its buffer holds the high water mark (64 KiB by default), one
 * small read per change; with a mark of one byte a pause is one, see `StreamPace`.
 */
export class ReplicationSocket extends Socket {
  #onChunk: ((chunk: Buffer) => void) | null = null;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const options: SocketConstructorOpts & { readonly readableHighWaterMark: number } = {
      readableHighWaterMark: 1,
      onread: {
        buffer,
        callback: (size) => {
          this.#read(buffer.subarray(0, size));
          return true;
        },
      },
    };
    super(options);
  }

  /**
   * Hands over whatever arrives from now on, instead of events `data`. The bytes of a chunk are those
   * of the next one, too: whoever does not take all of them at once pauses the socket.
   */
  handOver(onChunk: (chunk: Buffer) => void): void {
    this.#onChunk = onChunk;
  }

  #read(chunk: Buffer): void {
    if (this.#onChunk !== null) this.#onChunk(chunk);
    // Whoever listens may keep it: pg's parser does.
    else this.emit('data', Buffer.from(chunk));
  }
}
