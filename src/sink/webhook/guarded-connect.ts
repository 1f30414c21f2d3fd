import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { TidingsError } from '../../errors/tidings-error.ts';
import { noteAnswers } from './answer-start.ts';
import type { AddressGuard } from './address-guard.ts';
import type { Certificates } from './certificates.ts';

/** Names to addresses; `dns.lookup`, or a test's own. */
export type Lookup = (
  name: string,
  options: { readonly all: true; readonly family?: number | undefined },
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface GuardedConnectOptions {
  readonly guard: AddressGuard;
  readonly tls: Certificates;
  readonly lookup: Lookup | undefined;
}

/** How long a connection may take to come about, milliseconds. */
const CONNECT_TIMEOUT = 10_000;

/**
 * Connects only to addresses that the guard lets through. The check is at the moment of connecting,
 * on the very addresses that are then connected to: a name that was checked before may lead somewhere
 * else by now. Node.js asks no resolver about literal addresses, so they are checked here.
 */
export function guardedConnect(options: GuardedConnectOptions): buildConnector.connector {
  const { guard, tls } = options;
  const connect = buildConnector({
    ...tls,
    allowH2: false,
    timeout: CONNECT_TIMEOUT,
    lookup: guardedLookup(guard, options.lookup ?? systemLookup),
  });
  return (target, callback) => {
    const host = target.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && guard.refuses(host)) {
      callback(refused(host, host), null);
      return;
    }
    connect(target, (...result) => {
      // Of a failure there is the error alone, whatever the types say.
      if (result[0] === null) noteAnswers(result[1]);
      callback(...result);
    });
  };
}

function guardedLookup(guard: AddressGuard, lookup: Lookup): LookupFunction {
  return (name, { all, family }, callback) => {
    const asked =
      typeof family === 'number' ? { all: true as const, family } : { all: true as const };
    lookup(name, asked, (error, addresses) => {
      const permitted = addresses?.filter(({ address }) => !guard.refuses(address)) ?? [];
      const [first] = permitted;
      if (error !== null) callback(error, '', 0);
      else if (first === undefined) {
        callback(nonePermitted(name, addresses), '', 0);
      } else if (all === true) callback(null, permitted);
      else callback(null, first.address, first.family);
    });
  };
}

function nonePermitted(host: string, [found]: readonly LookupAddress[]): TidingsError {
  if (found !== undefined) return refused(host, found.address);
  return new TidingsError('WEBHOOK_DNS_FAILED', { reason: `${host} has no address` });
}

function refused(host: string, address: string): TidingsError<'WEBHOOK_ADDRESS_REFUSED'> {
  return new TidingsError('WEBHOOK_ADDRESS_REFUSED', { host, address });
}
