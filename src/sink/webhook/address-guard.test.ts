import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { AddressGuard } from './address-guard.ts';
import { ipBytes } from './ip-bytes.ts';

const REFUSED = [
  // IPv4: this host, private, shared, loopback, link-local (with the clouds' metadata service).
  '0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1',
  '127.255.255.254 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.168.0.1',
  '192.168.255.255',
  // Protocols, documentation, benchmarks, multicast, reserved, broadcast.
  '192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9',
  '224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255',
  // IPv6: unspecified, loopback, compatible, in several spellings.
  ':: ::0 ::1 0:0:0:0:0:0:0:1 0000:0000:0000:0000:0000:0000:0000:0001 ::127.0.0.1',
  // IPv4 inside of IPv6: mapped, translated, NAT64, 6to4.
  '::ffff:127.0.0.1 ::FFFF:127.0.0.1 ::ffff:7f00:1 0:0:0:0:0:ffff:7f00:0001',
  '::ffff:10.0.0.1 ::ffff:a9fe:a9fe ::ffff:0:127.0.0.1 64:ff9b::7f00:1',
  '64:ff9b::127.0.0.1 64:ff9b::a00:1 64:ff9b:1::1 2002:7f00:1:: 2002:a00:1::5',
  // Link-local with and without a zone, site-local, unique local, multicast, discard.
  'fe80::1 FE80::1 fe80::1%eth0 febf::1 fec0::1 fc00::1 fd12:3456::1 fd00:ec2::254',
  'ff02::1 100::1 5f00::1',
  // Teredo, ORCHID, documentation, segment routing, not assigned.
  '2001::1 2001:20::1 2001:db8::1 3fff::1 4000::1 8000::1 e000::1',
  // No addresses.
  '',
  'localhost 127.1 0x7f.1 2130706433 127.0.0.01 [::1] 1.2.3 :::1 %1',
].flatMap((line) => line.split(' '));

const PERMITTED = [
  '1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255',
  '128.0.0.1 169.253.255.255 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0',
  '198.17.255.255 198.20.0.0 223.255.255.255 2606:4700::1111 2a00:1450:4001::200e',
  '2001:200::1 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1',
].flatMap((line) => line.split(' '));

for (const address of REFUSED) {
  test(`refused: ${address === '' ? 'nothing' : address}`, () => {
    assert.equal(new AddressGuard([]).refuses(address), true);
  });
}

test('public addresses are permitted', () => {
  const guard = new AddressGuard([]);
  for (const address of PERMITTED) assert.equal(guard.refuses(address), false, address);
});

const ALLOWED: readonly (readonly [
  allowed: string,
  yes: readonly string[],
  no: readonly string[],
])[] = [
  ['127.0.0.1', ['127.0.0.1', '::ffff:127.0.0.1', '64:ff9b::7f00:1'], ['127.0.0.2', '::1']],
  ['10.0.0.0/8', ['10.0.0.1', '10.255.0.1', '::ffff:a00:1', '2002:a00:1::1'], ['172.16.0.1']],
  ['::1', ['::1', '0:0:0:0:0:0:0:1'], ['127.0.0.1', '::2', '::']],
  ['fd00::/8', ['fd00::1', 'fdff::1'], ['fc00::1', 'fe80::1']],
  ['fe80::/10', ['fe80::1', 'fe80::1%eth0'], ['fec0::1']],
  ['::ffff:127.0.0.1', ['::ffff:7f00:1'], ['127.0.0.2', '::1', '10.0.0.1']],
  ['0.0.0.0/0', ['127.0.0.1', '::ffff:10.0.0.1'], ['::1', 'fe80::1']],
  ['::/0', ['::1', 'fe80::1'], []],
];

for (const [allowed, yes, no] of ALLOWED) {
  test(`with ${allowed} allowed`, () => {
    const guard = new AddressGuard([allowed]);
    for (const address of yes) assert.equal(guard.refuses(address), false, address);
    for (const address of no) assert.equal(guard.refuses(address), true, address);
  });
}

test('what leads to an IPv4 host is refused exactly when that host is', () => {
  const guard = new AddressGuard(['10.1.0.0/16']);
  const near = fc.constantFrom(0, 10, 100, 127, 169, 172, 192, 198, 203, 224, 255);
  const octets = fc.tuple(fc.oneof(near, fc.nat(255)), fc.nat(255), fc.nat(255), fc.nat(255));
  fc.assert(
    fc.property(octets, ([a, b, c, d]) => {
      const plain = `${a}.${b}.${c}.${d}`;
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      const refused = guard.refuses(plain);
      const spellings = [`::ffff:${plain}`, `::ffff:${hex}`, `64:ff9b::${plain}`, `2002:${hex}::1`];
      for (const spelling of spellings) assert.equal(guard.refuses(spelling), refused, spelling);
    }),
  );
});

test('however an IPv6 address is spelled, its bytes are the same', () => {
  const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, (written) => {
      const bytes = written.flatMap((group) => [group >> 8, group & 0xff]);
      const hex = written.map((group) => group.toString(16));
      const spellings = [
        hex.join(':'),
        written.map((group) => group.toString(16).toUpperCase().padStart(4, '0')).join(':'),
        `${hex.slice(0, 6).join(':')}:${bytes.slice(12).join('.')}`,
        // Node.js finds the shortest one.
        new URL(`http://[${hex.join(':')}]/`).hostname.slice(1, -1),
      ];
      for (const spelling of spellings) assert.deepEqual(ipBytes(spelling), bytes, spelling);
      const list = new BlockList();
      list.addAddress(spellings[0] ?? '', 'ipv6');
      for (const spelling of spellings) assert.ok(list.check(spelling, 'ipv6'), spelling);
    }),
  );
});
