import { Socket, type SocketConstructorOpts } from 'node:net';

/**
 * The socket below a replication connection. A paused stream goes on reading until its buffer holds
 * the high water mark (64 KiB by default), one small read per change; with a mark of one byte a pause
 * is one, see `StreamPace`.
 */
export function newReplicationSocket(): Socket {
  const options: SocketConstructorOpts & { readonly readableHighWaterMark: number } = {
    readableHighWaterMark: 1,
  };
  return new Socket(options);
}
