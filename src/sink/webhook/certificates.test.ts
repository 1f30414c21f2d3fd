import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificateProblem, type Certificates } from './certificates.ts';

const FOLDER = join(import.meta.dirname, '../../../test/tls');
const pem = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');

const CA = pem('ca.crt');
const CERT = pem('client.crt');
const KEY = pem('client.key');
const HALF = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const LOCKED = createPrivateKey(KEY)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'geheim' })
  .toString();

const USABLE: readonly Certificates[] = [
  {},
  { ca: CA },
  { ca: `# ours\n${CA}\n# and theirs\n${pem('server.crt')}` },
  { cert: CERT, key: KEY },
  { ca: CA, cert: `${CERT}${CA}`, key: KEY },
];

test('what can be used has no problem', () => {
  for (const certificates of USABLE) assert.equal(certificateProblem(certificates), null);
});

const UNUSABLE: readonly (readonly [certificates: Certificates, problem: RegExp])[] = [
  [{ ca: '' }, /^ca: there is no certificate in it$/],
  [{ ca: 'ca.pem' }, /^ca: there is no certificate in it$/],
  [{ ca: KEY }, /^ca: there is no certificate in it$/],
  [{ ca: HALF }, /^ca: error/],
  [{ ca: `${CA}${HALF}` }, /^ca: error/],
  [{ cert: '', key: KEY }, /^cert: there is no certificate in it$/],
  [{ cert: KEY, key: CERT }, /^cert: /],
  [{ cert: CERT, key: '' }, /^key: /],
  [{ cert: CERT, key: CERT }, /^key: /],
  [{ cert: CERT, key: pem('server.key') }, /^key: .*mismatch/],
  [{ cert: CERT, key: LOCKED }, /^key: /],
];

for (const [certificates, problem] of UNUSABLE) {
  const parts = Object.entries(certificates).map(([part, text]) => `${part} ${text.length}`);
  test(`refused: ${parts.join(', ')}: ${problem.source}`, () => {
    assert.match(certificateProblem(certificates) ?? 'none', problem);
  });
}
