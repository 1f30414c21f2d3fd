/** The request that docs/guide/webhooks.md shows is one that this sink makes. */
import assert from 'node:assert/strict';
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { needs } from '../../../test/support/needs.ts';
import {
  attempt,
  SECRET,
  WebhookReceiver,
  webhookSink,
} from '../../../test/support/webhook-receiver.ts';
import { parseWire } from '../../change/wire.ts';

const ROOT = join(import.meta.dirname, '../../..');
const GUIDE = readFileSync(join(ROOT, 'docs/guide/webhooks.md'), 'utf8');

const directory = mkdtempSync(join(tmpdir(), 'tidings-guide-'));
after(() => rmSync(directory, { recursive: true }));

/** The block of a language that has this in it. */
function block(language: string, part: string): string {
  const blocks = [...GUIDE.matchAll(/^```(\w+)\n([^]*?)^```$/gm)];
  const found = blocks.find(([, of, text = '']) => of === language && text.includes(part));
  return found?.[2] ?? assert.fail(part);
}

function shownRequest(): { readonly headers: ReadonlyMap<string, string>; readonly body: string } {
  const [, block = assert.fail('no request in the guide')] =
    /```http\n([\s\S]*?)\n```/.exec(GUIDE) ?? [];
  const [head = '', body = ''] = block.split('\n\n');
  const lines = head.split('\n').slice(1);
  return { headers: new Map(lines.map((line) => line.split(': ') as [string, string])), body };
}

test('its signature fits, with the secret that the guide names', () => {
  const { headers, body } = shownRequest();
  const [secret = assert.fail('no secret in the guide')] =
    /whsec_[A-Za-z0-9+/]{32,}=*/.exec(GUIDE) ?? [];
  const id = headers.get('webhook-id') ?? '';
  const at = new Date(Number(headers.get('webhook-timestamp')) * 1_000);
  assert.equal(headers.get('webhook-signature'), new Webhook(secret).sign(id, at, body));
  assert.equal(headers.get('content-length'), String(Buffer.byteLength(body)));
  assert.equal(parseWire(body).id, id);
});

test('a request of today has the same headers', async () => {
  await using receiver = await WebhookReceiver.listen();
  await using sink = webhookSink(receiver.url);
  await sink.deliver(attempt(), new AbortController().signal);
  const [request = assert.fail('nothing came')] = receiver.requests;
  const { headers } = shownRequest();
  assert.deepEqual(Object.keys(request.headers).toSorted(), [...headers.keys()].toSorted());
  assert.equal(request.headers['content-type'], headers.get('content-type'));
});

test('the check by hand prints the signature', (context) => {
  const openssl = spawnSync('openssl', ['version']).status === 0;
  if (!needs(context, openssl, 'openssl', 'apt-get install openssl')) return;
  const { headers, body } = shownRequest();
  writeFileSync(join(directory, 'body.json'), body);
  const script = block('sh', 'openssl');
  const { stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: directory, encoding: 'utf8' });
  assert.equal(`v1,${stdout.trim()}`, headers.get('webhook-signature'), stderr);
});

test('the receiver in Node.js takes what is sent, and nothing that somebody else has signed', async () => {
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const listening = '.listen(0, function () { process.send(this.address().port); })';
  const program = block('js', 'receiver.mjs').replace('.listen(4000)', listening);
  writeFileSync(join(directory, 'receiver.mjs'), program);
  const env = { ...process.env, CRM_SECRET: SECRET };
  const child = fork(join(directory, 'receiver.mjs'), {
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  after(() => child.kill());
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const [port] = (await once(child, 'message')) as [number];
  const url = `http://127.0.0.1:${port}/`;
  const { signal } = new AbortController();
  await using sink = webhookSink(url);
  assert.deepEqual(await sink.deliver(attempt(), signal), { kind: 'ack' });
  await using stranger = webhookSink(url, {
    secrets: [`whsec_${Buffer.alloc(32, 8).toString('base64')}`],
  });
  const refused = await stranger.deliver(attempt(), signal);
  assert.ok(
    refused.kind === 'retry' && refused.error.message.includes('401'),
    JSON.stringify(refused),
  );
  assert.match(printed, /^main:\S+ \w+ /);
});

test('the check in Python says yes to the request of the guide, as long as nobody touched it', (context) => {
  const python = spawnSync('python3', ['--version']).status === 0;
  if (!needs(context, python, 'python3', 'apt-get install python3')) return;
  const { headers, body } = shownRequest();
  const program = `${block('python', 'def verify')}
import json, sys
case = json.load(sys.stdin)
time.time = lambda: case["now"]
print([verify(case["secret"], case["headers"], body.encode()) for body in case["bodies"]])
`;
  const [secret] = /whsec_[A-Za-z0-9+/]{32,}=*/.exec(GUIDE) ?? [];
  const now = Number(headers.get('webhook-timestamp'));
  const input = JSON.stringify({
    secret,
    now,
    headers: Object.fromEntries(headers),
    bodies: [body, `${body} `],
  });
  const { stdout, stderr } = spawnSync('python3', ['-c', program], { input, encoding: 'utf8' });
  assert.equal(stdout.trim(), '[True, False]', stderr);
});
