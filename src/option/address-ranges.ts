import { isIPv4, isIPv6 } from 'node:net';
import { kindOf, shown, ValueProblem } from './value.ts';

/**
 * Checks a list of addresses and ranges in CIDR notation (RFC 4632): `10.0.0.0/8`, `::1`.
 * @throws ValueProblem
 */
export function readAddressRanges(written: unknown): readonly string[] {
  if (!Array.isArray(written)) {
    throw new ValueProblem(`is ${kindOf(written)}, and has to be a list: ['10.0.0.0/8']`);
  }
  return written.map(readRange);
}

function readRange(written: unknown): string {
  const [address = '', prefix, more] = typeof written === 'string' ? written.split('/') : [];
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : 999;
  if (bits === 0 || more !== undefined || length > bits) {
    const wanted = 'an address or a range such as 127.0.0.1, 10.0.0.0/8 or fd00::/8';
    throw new ValueProblem(`has ${shown(written)}, and has to name ${wanted}`);
  }
  return String(written);
}
