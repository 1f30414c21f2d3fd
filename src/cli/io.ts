/** One of the two streams a command writes to. */
export interface Output {
  readonly isTerminal: boolean;
  /** Whether colour is wanted: a terminal that has it, and no NO_COLOR. */
  readonly colour: boolean;
  /** Width of the terminal; 80 when it is none. */
  readonly columns: number;
  write(text: string): void;
  /** Resolves when the reader has kept up; also when it is gone or the command is interrupted. */
  drained(): Promise<void>;
}

/** Everything a command knows of the process it runs in, so that tests can put their own in place. */
export interface Io {
  /** Results. */
  readonly stdout: Output;
  /** Everything else: progress, questions, errors. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborts on the first SIGINT or SIGTERM, and when nobody reads standard output any more. */
  readonly signal: AbortSignal;
  /** Asks a person; null when standard input is no terminal. */
  readonly ask: ((question: string) => Promise<string>) | null;
}
