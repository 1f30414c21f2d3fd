import { styleText } from 'node:util';
import { harmless } from '../util/harmless.ts';
import type { LogLevel } from './logger.ts';

type Style = Parameters<typeof styleText>[0];

const LEVEL_STYLES: Partial<Record<LogLevel, Style>> = {
  trace: 'dim',
  debug: 'dim',
  warn: 'yellow',
  error: 'red',
};

interface PrettyStyle {
  readonly colour: boolean;
  /** Writes the commands in a text the way they can be typed. */
  readonly commandsIn?: ((text: string) => string) | undefined;
}

/** A JSON line of the logger as a person reads it: time of day, level unless info, text, fields. */
export function prettyLine(
  json: string,
  { colour, commandsIn = (text) => text }: PrettyStyle,
): string {
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const { level, time, message, hint, error, ...fields } = JSON.parse(json) as Line;
  const style = LEVEL_STYLES[level];
  const parts = [
    paint('dim', time.slice('2026-11-21T'.length, '2026-11-21T08:00:00'.length)),
    ...(style === undefined ? [] : [paint(style, level)]),
    harmless(commandsIn(message)),
    ...Object.entries(fields).map(([name, value]) => paint('dim', `${name}=${short(value)}`)),
  ];
  const advice = hint === undefined ? '' : `  → ${harmless(commandsIn(hint))}\n`;
  const told = error === undefined ? '' : errorLines(error, { paint, commandsIn });
  return `${parts.join(' ')}\n${advice}${told}`;
}

interface Line {
  readonly level: LogLevel;
  readonly time: string;
  readonly message: string;
  /** What to do about it; one that is no error has it here. */
  readonly hint?: string;
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
  const plain = typeof value === 'string' && /^[^\s"]+$/.test(value);
  return harmless(plain ? value : JSON.stringify(value));
}

/** A stack without what stands before its first call: name and message are shown already. */
function callsOf(stack: string): readonly string[] {
  const lines = stack.split('\n');
  const first = lines.findIndex((line) => /^\s*at /.test(line));
  return first < 0 ? [] : lines.slice(first);
}

interface ErrorStyle {
  readonly commandsIn: (text: string) => string;
  readonly paint: (style: Style, text: string) => string;
}

function errorLines(error: ErrorFields, { paint, commandsIn }: ErrorStyle): string {
  const { code, message, hint, stack } = error;
  const lines = [
    `  ${paint('red', harmless([code, message].filter((part) => part !== undefined).join(': ')))}`,
    ...(hint === undefined ? [] : [`  → ${harmless(commandsIn(hint))}`]),
    ...callsOf(stack ?? '').map((line) => paint('dim', `    ${harmless(line.trim())}`)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
