import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TidingsError } from '../errors/tidings-error.ts';
import { type Logger, SILENT } from './logger.ts';
import { createLogger, type LoggerOptions } from './pino-logger.ts';

/** A logger and the lines it has written. */
function recording(options: Partial<LoggerOptions> = {}): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  return {
    logger: createLogger({ level: 'info', pretty: false, colour: false, write, ...options }),
    lines,
  };
}

function parsed(lines: readonly string[]): Record<string, unknown>[] {
  return lines.map((line) => {
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    return rest;
  });
}

const LOCKED = new TidingsError(
  'DATA_LOCKED',
  { pid: 7, path: '/srv' },
  { cause: new Error('busy') },
);

test('JSON lines: level, time, text, fields', () => {
  const { logger, lines } = recording();
  logger.info('Started', { source: 'main', offset: 7 });
  logger.with({ source: 'main' }).warn('Slow');
  assert.deepEqual(parsed(lines), [
    { level: 'info', source: 'main', offset: 7, message: 'Started' },
    { level: 'warn', source: 'main', message: 'Slow' },
  ]);
});

test('levels: what is less important than asked for is not written', () => {
  for (const [level, written] of [
    ['trace', 5],
    ['warn', 2],
    ['silent', 0],
  ] as const) {
    const { logger, lines } = recording({ level });
    for (const name of ['trace', 'debug', 'info', 'warn', 'error'] as const) logger[name]('x');
    assert.equal(lines.length, written, level);
  }
  SILENT.with({ a: 1 }).error('nobody hears it');
});

test('an error: code, message, hint and causes; a defect with its stack', () => {
  const { logger, lines } = recording();
  logger.error('Stopped', { error: LOCKED });
  logger.error('Broken', { error: new RangeError('boom') });
  const [known, defect] = parsed(lines).map(({ error }) => error as Record<string, unknown>);
  assert.equal(known?.['code'], 'DATA_LOCKED');
  assert.equal(known['message'], LOCKED.message);
  assert.equal(known['hint'], LOCKED.hint);
  assert.equal(known['stack'], undefined);
  assert.equal((known['cause'] as Record<string, unknown>)['message'], 'busy');
  assert.equal(defect?.['name'], 'RangeError');
  assert.match(String(defect['stack']), /logger\.test\.ts/);
});

test('secrets are hidden wherever they are', () => {
  for (const pretty of [false, true]) {
    const { logger, lines } = recording({ pretty });
    const url = 'postgresql://ann:geheim@db/shop?sslmode=require';
    logger.info(`Connecting to ${url}`, {
      url,
      password: 'geheim',
      nested: { apiToken: 'geheim', list: [url] },
      error: new Error(`cannot reach ${url}`, { cause: new Error(url) }),
    });
    logger.with({ secret: 'geheim' }).info('x');
    assert.ok(!lines.join('').includes('geheim'), lines.join(''));
    assert.ok(lines.join('').includes('ann:***@db/shop'));
  }
});

test('what JSON cannot hold does not break a line', () => {
  const { logger, lines } = recording();
  const circular: Record<string, unknown> = { big: 2n ** 64n, none: undefined };
  circular['self'] = circular;
  logger.info('odd', { circular, method: () => 1 });
  assert.equal(parsed(lines).length, 1);
  assert.match(lines.join(''), /18446744073709551616/);
});

test('lines for a person: time of day, level unless info, text, fields, then the error', () => {
  const { logger, lines } = recording({ pretty: true });
  logger.info('Capture streams', { position: '0/16B3748', note: 'a b' });
  logger.error('Stopped', { error: LOCKED });
  const text = lines.join('').replace(/^\d\d:\d\d:\d\d/gm, 'TIME');
  assert.equal(
    text,
    `TIME Capture streams position=0/16B3748 note="a b"
TIME error Stopped
  DATA_LOCKED: Another process (pid 7) uses the data directory /srv.
  → Stop it, or choose another directory with --data-dir. \`tidings status\` shows what it does.
`,
  );
  const coloured = recording({ pretty: true, colour: true });
  coloured.logger.warn('Slow');
  assert.ok(coloured.lines.join('').includes('\u001b[33mwarn'));
});

test('what a handler throws gives a terminal no commands', () => {
  const { logger, lines } = recording({ pretty: true });
  const error = Object.assign(new Error('raw \u001b[31mred\u0007'), { code: 'HANDLER_\u001b' });
  logger.error('Failed \u001b[2J', { error, table: 'a\u001b[1m', row: 'b c\u0007' });
  const text = lines.join('');
  assert.ok(!text.includes('\u001b') && !text.includes('\u0007'), text);
  assert.match(text, /raw \\u001b\[31mred\\u0007/);
});
