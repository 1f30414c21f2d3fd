import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { noteAnswers, statusBefore, statusOf } from './answer-start.ts';

/** A socket of which only this is known: what arrives, in which pieces, and how much was sent. */
class Pieces extends EventEmitter {
  bytesWritten = 0;
  readonly #arrived: Buffer[] = [];

  read(): Buffer | null {
    return this.#arrived.shift() ?? null;
  }

  send(): void {
    this.bytesWritten += 100;
  }

  /** Has the socket read these. */
  arrive(...texts: readonly string[]): void {
    this.#arrived.push(...texts.map((text) => Buffer.from(text)));
    while (this.read() !== null);
  }

  /** The status that was known when the connection ended. */
  fail(): number | null {
    const error = new Error('the parser gave up');
    this.emit('error', error);
    return statusBefore(error);
  }
}

function connection(): Pieces {
  const pieces = new Pieces();
  noteAnswers(pieces as unknown as Socket);
  pieces.send();
  return pieces;
}

test('a status line may come in any pieces', () => {
  for (const pieces of [
    ['HTTP/1.1 202 Accepted\r\n'],
    ['HTTP/1.1 20', '2 Accepted\r\n', 'x a: 1\r\n'],
    'HTTP/1.1 202 Accepted\r\nx'.split(''),
    ['HTTP/1.1 100 Continue\r\n', '\r\nHTTP/1.1 ', '202\n'],
  ]) {
    const socket = connection();
    socket.arrive(...pieces);
    assert.equal(socket.fail(), 202, pieces.join('|'));
  }
});

test('without its end it is none', () => {
  for (const start of [
    '',
    'HTTP/1.1 200',
    'HTTP/1.1 200 OK',
    'HTTP/1.1 2000 OK\r\n',
    'SSH-2.0\r\n',
  ]) {
    const socket = connection();
    if (start !== '') socket.arrive(start);
    assert.equal(socket.fail(), null, start);
  }
});

test('an answer is that of the last request', () => {
  const socket = connection();
  socket.arrive('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  socket.send();
  assert.equal(socket.fail(), null);
  socket.arrive('HTTP/1.1 500 Oh\r\nx a: 1\r\n\r\n');
  assert.equal(socket.fail(), 500);
});

test('of 1xx only the change to another protocol is an answer', () => {
  assert.equal(statusOf('HTTP/1.1 101 Switching Protocols\r\n'), 101);
  assert.equal(statusOf('HTTP/1.1 103 Early Hints\r\n\r\n'), null);
  assert.equal(statusOf('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204\r\n'), 204);
});
