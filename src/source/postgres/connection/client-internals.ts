import type { Socket } from 'node:net';
import type pg from 'pg';

/** What pg's client is made of, and its types leave out. `stream` is a TLSSocket with TLS. */
interface ClientInternals {
  readonly connection: NodeJS.EventEmitter & { readonly stream: Socket; query(text: string): void };
}

/** The connection below a client: its socket, its messages, and statements that nobody waits for. */
export function internals(client: pg.Client): ClientInternals['connection'] {
  return (client as unknown as ClientInternals).connection;
}
