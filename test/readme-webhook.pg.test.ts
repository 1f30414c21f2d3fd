/**
 * README's webhook, as a new user repeats it: what `listen`, `start` and the commands beside them print
 * is what stands there, line by line.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Status } from '../src/app/status/status.ts';
import { prettyLine } from '../src/observe/pretty-line.ts';
import { freshDatabase } from './support/postgres.ts';
import { difference, readmeBlocks, readmeSection, readmeSteps } from './support/readme-output.ts';
import { start, tidings } from './support/tidings-process.ts';
import { until } from './support/until.ts';

const section = readmeSection('## A signed webhook of your own table');

/** What README shows behind the first command that begins so. */
function shown(command: string): readonly string[] {
  const step = readmeSteps(section).find((each) => each.command === command);
  assert.ok(step !== undefined, `README has ${command}`);
  return step.answer;
}

/** All that a command has printed so far, once the condition holds. */
function reader(child: ChildProcess): (ready: (text: string) => boolean) => Promise<string> {
  let text = '';
  child.stdout?.on('data', (chunk) => (text += String(chunk)));
  return async (ready) => {
    await until(() => ready(text));
    return text;
  };
}

test('the webhook, as in the README', { timeout: 120_000 }, async (t) => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query(`CREATE TABLE mail_users (dba int PRIMARY KEY, username text, quota_bytes bigint);
    ALTER TABLE mail_users REPLICA IDENTITY FULL;
    INSERT INTO mail_users VALUES (1001, 'ann', 5000000000)`);
  const cwd = mkdtempSync(join(tmpdir(), 'tidings-readme-webhook-'));
  t.after(() => rmSync(cwd, { recursive: true }));
  const env = { DATABASE_URL: database.url, npm_config_user_agent: 'npm/11' };
  const told = (output: string, answer: readonly string[]): void => {
    const here = output.replaceAll(cwd, '…').replaceAll(/postgresql:\S+/g, 'postgresql://…');
    const there = answer.map((line) => line.replaceAll(/postgresql:\S+/g, 'postgresql://…'));
    assert.equal(difference(here, there), null);
  };

  const receiver = start(['listen', '--port', '0'], { cwd, env });
  const heard = reader(receiver);
  const first = await heard((text) => text.includes('subscriptions create'));
  told(first, shown('npx tidings listen'));
  const [url = ''] = /http:\/\/[\d.:]+/.exec(first) ?? [];
  const [secret = ''] = /whsec_[^']+/.exec(first) ?? [];

  const [, config = ''] = /```ts\n([^]*?)```/.exec(section) ?? [];
  // With a pause that nothing but `retry` ends while the test looks at it.
  const paced = `$& delivery: { backoff: { first: '50s', max: '50s' } },`;
  const pasted = config
    .replace('http://127.0.0.1:4000', url)
    .replace('whsec_…', secret)
    .replace(/tables: \['public\.mail_users'\],/, paced);
  writeFileSync(join(cwd, 'tidings.config.ts'), pasted);
  const service = start(['start'], { cwd, env });
  let logged = '';
  service.stderr?.on('data', (chunk) => (logged += String(chunk)));
  const started = await reader(service)((text) => text.includes('Ctrl-C stops'));
  // On a terminal both come together, and the log in short lines.
  const short = (): string[] =>
    logged
      .split('\n')
      .slice(0, -1)
      .map((line) => prettyLine(line, { colour: false }).trimEnd());
  const [log, own] = [true, false].map((isLog) =>
    shown('npx tidings start').filter((line) => /^\d\d:\d\d:\d\d /.test(line) === isLog),
  );
  told(started, own ?? []);
  await until(() => short().length >= (log ?? []).length);
  told(short().join('\n'), log ?? []);

  const tested = await tidings(['trigger-test', 'crm'], { cwd, env });
  told(tested.stdout, shown('npx tidings trigger-test crm'));
  await client.query(`UPDATE mail_users SET quota_bytes = 9000000000 WHERE username = 'ann'`);
  const all = await heard((text) => text.includes('mail_users  dba'));
  const arrivals = readmeBlocks(section).find((block) => /^\d+ +test /.test(block)) ?? '';
  told(all.slice(first.length), arrivals.split('\n'));

  // A person does not end it within the milliseconds in which its answer is still on the way.
  await until(async () => {
    const { stdout } = await tidings(['status', '--json'], { cwd, env });
    const [crm] = (JSON.parse(stdout) as Status).subscriptions;
    return crm?.lag === 0 && crm.inFlight === 0;
  });
  const ended = once(receiver, 'exit');
  receiver.kill('SIGINT');
  await ended;
  await client.query(`UPDATE mail_users SET quota_bytes = 1 WHERE username = 'ann'`);
  let waiting = '';
  await until(async () => {
    waiting = (await tidings(['deliveries'], { cwd, env })).stdout;
    return waiting.includes('retrying');
  });
  told(waiting, shown('npx tidings deliveries'));
  const port = new URL(url).port;
  const back = reader(start(['listen', '--secret', secret, '--port', port], { cwd, env }));
  await back((text) => text.includes('Listening'));
  const retried = await tidings(['deliveries', 'retry', 'crm', '--all'], { cwd, env });
  told(retried.stdout, shown('npx tidings deliveries retry crm --all'));
  await back((text) => text.includes('quota_bytes'));
});
