import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';

/** Job queues that are measured beside Tidings, for scale. */
export const PEERS = ['pg-boss', 'graphile-worker'] as const;

export type Peer = (typeof PEERS)[number];

const PACKAGE = join(import.meta.dirname, '..', 'peers', 'package.json');

/** Whether `bench/peers` has been installed; `npm run bench -- webhook` does that. */
export function peersInstalled(): boolean {
  return PEERS.every((peer) =>
    existsSync(join(import.meta.dirname, '..', 'peers', 'node_modules', peer)),
  );
}

/** Loads a package of `bench/peers`. Its types are not there when it is not installed. */
export async function importPeer(peer: Peer): Promise<unknown> {
  const path = createRequire(PACKAGE).resolve(peer);
  return (await import(pathToFileURL(path).href)) as unknown;
}
