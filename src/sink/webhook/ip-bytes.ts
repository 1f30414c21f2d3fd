import { isIPv4, isIPv6 } from 'node:net';

/** The 4 or 16 bytes of an address in any of its spellings; null when it is none. */
export function ipBytes(address: string): readonly number[] | null {
  // A zone such as %eth0 says where, not what.
  const [plain = ''] = address.split('%');
  if (isIPv4(plain)) return plain.split('.').map(Number);
  return isIPv6(plain) ? ipv6Bytes(plain) : null;
}

function ipv6Bytes(address: string): readonly number[] {
  const [head = '', tail] = address.split('::');
  const first = groupBytes(head);
  if (tail === undefined) return first;
  const last = groupBytes(tail);
  const zeros = Array.from({ length: 16 - first.length - last.length }, () => 0);
  return [...first, ...zeros, ...last];
}

function groupBytes(groups: string): number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
