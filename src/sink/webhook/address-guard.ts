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
  // All that is not 2000::/3, the only range that is given to hosts of the internet: loopback, unique
  // local, link-local, site-local, multicast, translated addresses, what is yet to be assigned.
  '::/3',
  '4000::/2',
  '8000::/1',
  // With it Teredo and ORCHID.
  '2001::/23',
  '2001:db8::/32',
  '3fff::/20',
];

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
/** RFC 6052: how an IPv4 host is reached through NAT64. */
const NAT64 = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
/** RFC 3056 */
const SIX_TO_FOUR = [0x20, 0x02];

type Family = 'ipv4' | 'ipv6';

/** Ranges of addresses. One list for each family: a list takes `::/3` to hold IPv4 as well. */
class Ranges {
  readonly #lists: Readonly<Record<Family, BlockList>> = {
    ipv4: new BlockList(),
    ipv6: new BlockList(),
  };

  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = '', prefix] = range.split('/');
      const family = isIPv4(address) ? 'ipv4' : 'ipv6';
      if (prefix === undefined) this.#lists[family].addAddress(address, family);
      else this.#lists[family].addSubnet(address, Number(prefix), family);
    }
  }

  have(address: string, family: Family): boolean {
    return this.#lists[family].check(address, family);
  }
}

/** One for all: lists lie outside of the heap, and there may be a thousand endpoints. */
const NOT_PUBLIC = new Ranges(REFUSED);

/** Says which addresses a webhook may reach: public ones, and those that the operator allows. */
export class AddressGuard {
  readonly #allowed: Ranges;

  /** @param allowed addresses and CIDR ranges, checked by the configuration. */
  constructor(allowed: readonly string[]) {
    this.#allowed = new Ranges(allowed);
  }

  /** True also for what is no address at all. */
  refuses(address: string): boolean {
    const bytes = ipBytes(address);
    if (bytes === null) return true;
    const inner = innerIpv4(bytes);
    const whole = this.#judge(address.split('%')[0] ?? '', bytes.length === 4 ? 'ipv4' : 'ipv6');
    // An IPv6 address that leads to an IPv4 host is as good as that host, unless it is allowed itself.
    const verdict = inner === null || whole === 'allowed' ? whole : this.#judge(inner, 'ipv4');
    return verdict === 'refused';
  }

  #judge(address: string, family: Family): 'allowed' | 'refused' | 'public' {
    if (this.#allowed.have(address, family)) return 'allowed';
    return NOT_PUBLIC.have(address, family) ? 'refused' : 'public';
  }
}

/** The IPv4 address that an IPv6 address leads to. */
function innerIpv4(bytes: readonly number[]): string | null {
  const begins = (start: readonly number[]): boolean =>
    start.every((byte, index) => bytes[index] === byte);
  if (bytes.length === 4) return null;
  if (begins(MAPPED) || begins(NAT64)) return bytes.slice(12).join('.');
  return begins(SIX_TO_FOUR) ? bytes.slice(2, 6).join('.') : null;
}
