import { BlockList, isIPv4 } from 'node:net';
import { ipBytes } from './ip-bytes.ts';

/**
 * What is not globally reachable, or nobody's host: the special-purpose registries of IANA
 * (RFC 6890; https://www.iana.org/assignments/iana-ipv4-special-registry, …ipv6…).
 */
const REFUSED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // With it the unspecified address, loopback, and the IPv4-compatible addresses.
  '::/96',
  '64:ff9b:1::/48',
  '100::/64',
  // With it Teredo and ORCHID.
  '2001::/23',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
/** RFC 6052: how an IPv4 host is reached through NAT64. */
const NAT64 = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
/** RFC 3056 */
const SIX_TO_FOUR = [0x20, 0x02];

/** Says which addresses a webhook may reach: public ones, and those that the operator allows. */
export class AddressGuard {
  readonly #refused = blockList(REFUSED);
  readonly #allowed: BlockList;

  /** @param allowed addresses and CIDR ranges, checked by the configuration. */
  constructor(allowed: readonly string[]) {
    this.#allowed = blockList(allowed);
  }

  /** True also for what is no address at all. */
  refuses(address: string): boolean {
    const bytes = ipBytes(address);
    if (bytes === null) return true;
    const inner = innerIpv4(bytes);
    if (bytes.length === 16 && inner === null) return this.#refusesExact(address, 'ipv6');
    if (bytes.length === 16 && this.#allowed.check(plain(address), 'ipv6')) return false;
    return this.#refusesExact((inner ?? bytes).join('.'), 'ipv4');
  }

  #refusesExact(address: string, family: 'ipv4' | 'ipv6'): boolean {
    const exact = plain(address);
    return this.#refused.check(exact, family) && !this.#allowed.check(exact, family);
  }
}

function plain(address: string): string {
  return address.split('%')[0] ?? '';
}

/** The IPv4 address that an IPv6 address leads to. */
function innerIpv4(bytes: readonly number[]): readonly number[] | null {
  const begins = (start: readonly number[]): boolean =>
    start.every((byte, index) => bytes[index] === byte);
  if (bytes.length === 4) return null;
  if (begins(MAPPED) || begins(NAT64)) return bytes.slice(12);
  return begins(SIX_TO_FOUR) ? bytes.slice(2, 6) : null;
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
