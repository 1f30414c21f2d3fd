import { styleText } from 'node:util';
import type { LogLevel } from './logger.ts';

type Style = Parameters<typeof styleText>[0];

const LEVEL_STYLES: Partial<Record<LogLevel, Style>> = {
  trace: 'dim',
  debug: 'dim',
  warn: 'yellow',
  error: 'red',
};

/** A JSON line of the logger as a person reads it: time of day, level unless info, text, fields. */
export function prettyLine(json: string, colour: boolean): string {
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const { level, time, message, error, ...fields } = JSON.parse(json) as Line;
  const style = LEVEL_STYLES[level];
  const parts = [
    paint('dim', time.slice('2026-11-21T'.length, '2026-11-21T08:00:00'.length)),
    ...(style === undefined ? [] : [paint(style, level)]),
    message,
    ...Object.entries(fields).map(([name, value]) => paint('dim', `${name}=${short(value)}`)),
  ];
  return `${parts.join(' ')}\n${error === undefined ? '' : errorLines(error, paint)}`;
}

interface Line {
  readonly level: LogLevel;
  readonly time: string;
  readonly message: string;
  readonly error?: ErrorFields;
  readonly [field: string]: unknown;
}

interface ErrorFields {
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
  readonly stack?: string;
}

function short(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"]+$/.test(value)) return value;
  return JSON.stringify(value);
}

/** A stack without what stands before its first call: name and message are shown already. */
function callsOf(stack: string): readonly string[] {
  const lines = stack.split('\n');
  const first = lines.findIndex((line) => /^\s*at /.test(line));
  return first < 0 ? [] : lines.slice(first);
}

function errorLines(error: ErrorFields, paint: (style: Style, text: string) => string): string {
  const { code, message, hint, stack } = error;
  const lines = [
    `  ${paint('red', [code, message].filter((part) => part !== undefined).join(': '))}`,
    ...(hint === undefined ? [] : [`  → ${hint}`]),
    ...callsOf(stack ?? '').map((line) => paint('dim', `    ${line.trim()}`)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
