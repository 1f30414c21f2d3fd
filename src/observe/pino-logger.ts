import { type DestinationStream, pino } from 'pino';
import { toLoggable } from './loggable.ts';
import type { LogFields, Logger, LogLevel } from './logger.ts';
import { prettyLine } from './pretty-line.ts';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Short lines for a person instead of JSON. */
  readonly pretty: boolean;
  /** Writes the commands in the short lines the way they can be typed. Default: as they are. */
  readonly commandsIn?: (text: string) => string;
  /** Colour in the short lines. */
  readonly colour: boolean;
  /** Takes whole lines. Default: standard error, written synchronously so that no last line is lost. */
  readonly write?: (line: string) => void;
}

/**
 * A logger that writes JSON lines, `{"level":"info","time":"…","message":"…",…}`, or short lines for
 * a person.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { write = toStandardError(), pretty, colour, commandsIn } = options;
  const destination: DestinationStream = {
    write: pretty ? (line) => write(prettyLine(line, { colour, commandsIn })) : write,
  };
  return new PinoLogger(
    pino(
      {
        level: options.level,
        base: null,
        messageKey: 'message',
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (level) => ({ level }) },
      },
      destination,
    ),
  );
}

function toStandardError(): (line: string) => void {
  const destination = pino.destination({ fd: 2, sync: true });
  return (line) => void destination.write(line);
}

type Level = Exclude<LogLevel, 'silent'>;

class PinoLogger implements Logger {
  readonly #pino: pino.Logger;

  constructor(instance: pino.Logger) {
    this.#pino = instance;
  }

  trace(text: string, fields?: LogFields): void {
    this.#write('trace', text, fields);
  }

  debug(text: string, fields?: LogFields): void {
    this.#write('debug', text, fields);
  }

  info(text: string, fields?: LogFields): void {
    this.#write('info', text, fields);
  }

  warn(text: string, fields?: LogFields): void {
    this.#write('warn', text, fields);
  }

  error(text: string, fields?: LogFields): void {
    this.#write('error', text, fields);
  }

  with(fields: LogFields): Logger {
    return new PinoLogger(this.#pino.child(toLoggable(fields) as object));
  }

  #write(level: Level, text: string, fields: LogFields = {}): void {
    if (!this.#pino.isLevelEnabled(level)) return;
    this.#pino[level](toLoggable(fields) as object, toLoggable(text) as string);
  }
}
