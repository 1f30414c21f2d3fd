import type { DemoAddress, DemoReport, DemoSummary } from './report.ts';
import type { Told } from './told.ts';

/** `tidings demo --json`: one object per line, its `type` being the name of what is reported. */
export class JsonReport implements DemoReport {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  stage(number: number, of: number, title: string): void {
    this.#line('stage', { number, of, title });
  }

  note(text: string): void {
    this.#line('note', { text });
  }

  waiting(what: string, seconds: number): void {
    this.#line('waiting', { what, seconds });
  }

  writes(statements: readonly string[]): void {
    this.#line('writes', { statements });
  }

  told(call: Told): void {
    this.#line('told', call);
  }

  summary(summary: DemoSummary): void {
    this.#line('summary', summary);
  }

  staysUp(address: DemoAddress): void {
    this.#line('staysUp', address);
  }

  stopped(directory: string): void {
    this.#line('stopped', { directory });
  }

  next(): void {
    // Advice is for people.
  }

  #line(type: string, content: object): void {
    this.#write(`${JSON.stringify({ type, ...content })}\n`);
  }
}
