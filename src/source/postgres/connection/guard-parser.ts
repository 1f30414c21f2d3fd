import type pg from 'pg';
import { isTooLong } from '../../../change/too-large.ts';
import { internals } from './client-internals.ts';

/**
 * Has a value that no text can hold end its connection. pg's parser makes texts of values where the
 * socket hands over what arrived: an error there would reach nobody and end the process, and with it
 * a service that was only asked to show something.
 * @param client connected, so that the socket is the one behind TLS.
 */
export function guardParser(client: pg.Client): void {
  const { stream } = internals(client);
  const parsers = stream.listeners('data') as ((chunk: Buffer) => void)[];
  stream.removeAllListeners('data');
  for (const parse of parsers) {
    stream.on('data', (chunk: Buffer) => {
      try {
        parse(chunk);
      } catch (error) {
        if (!isTooLong(error)) throw error;
        stream.destroy(error as Error);
      }
    });
  }
}
