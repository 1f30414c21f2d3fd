/** One HTTP/1.1 request as it came over the wire. */
export interface RawRequest {
  /** Head and body together; only valid until the next chunk. */
  readonly bytes: Buffer;
  /** Where the body begins. */
  readonly bodyAt: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

/**
 * Cuts what a socket gives into requests. It knows just as much of HTTP as the benchmarks' senders
 * use: a content length, no chunked bodies, nothing to negotiate. So the receiver costs a fraction of
 * what a whole HTTP server would, and is not what limits the sender.
 */
export class RequestReader {
  readonly #take: (request: RawRequest) => void;
  #rest: Buffer = NOTHING;

  constructor(take: (request: RawRequest) => void) {
    this.#take = take;
  }

  read(chunk: Buffer): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at < data.length) {
      const headEnd = data.indexOf(HEAD_END, at);
      if (headEnd === -1) break;
      const bodyAt = headEnd + HEAD_END.length;
      const end = bodyAt + contentLength(data.toString('latin1', at, bodyAt));
      if (end > data.length) break;
      this.#take({ bytes: data.subarray(at, end), bodyAt: bodyAt - at });
      at = end;
    }
    this.#rest = at < data.length ? data.subarray(at) : NOTHING;
  }
}

function contentLength(head: string): number {
  const found = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
  if (found === undefined) throw new Error(`a request without content-length:\n${head}`);
  return Number(found);
}

const HEADERS = new Map<string, RegExp>();

/** The value of a header of a request's head; null when it has none. */
export function headerOf(head: string, name: string): string | null {
  let pattern = HEADERS.get(name);
  if (pattern === undefined) {
    pattern = new RegExp(`\\r\\n${name}: *([^\\r]*)\\r\\n`, 'i');
    HEADERS.set(name, pattern);
  }
  return pattern.exec(head)?.[1] ?? null;
}
