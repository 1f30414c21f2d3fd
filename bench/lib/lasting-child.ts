import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a lasting child answers: a function per question. */
export interface Answers {
  readonly [question: string]: (input: never) => Promise<unknown>;
}

/** A process of its own that is asked several things; disposing ends it. */
export interface LastingChild<A extends Answers> extends AsyncDisposable {
  ask<Question extends keyof A & string>(
    question: Question,
    ...input: Parameters<A[Question]>
  ): Promise<Awaited<ReturnType<A[Question]>>>;
}

interface Reply {
  readonly number: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/**
 * Starts a module of this folder that calls {@link answerQuestions}. Where one question and one
 * answer are enough, `measureInChild` is simpler.
 */
export function startChild<A extends Answers>(module: string): LastingChild<A> {
  const child = fork(join(import.meta.dirname, module), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let asked = 0;
  child.on('message', ({ number, answer, error }: Reply) => {
    const wait = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) wait?.resolve(answer);
    else wait?.reject(new Error(`${module}: ${error}`));
  });
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) {
      reject(new Error(`${module} ended with code ${String(code)} before it answered`));
    }
  });
  return {
    async ask(question, ...input) {
      if (child.exitCode !== null) throw new Error(`${module} has ended`);
      const wait = Promise.withResolvers<unknown>();
      asked += 1;
      waiting.set(asked, wait);
      child.send({ number: asked, question, input: input[0] });
      return (await wait.promise) as never;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.disconnect();
      await exit;
    },
  };
}

/** The child's side: answers until the parent lets go of it, or is gone. */
export function answerQuestions(answers: Answers): void {
  process.on('message', (message) => {
    const { number, question, input } = message as {
      readonly number: number;
      readonly question: string;
      readonly input: never;
    };
    const reply = (reply: Omit<Reply, 'number'>): void => {
      process.send?.({ number, ...reply });
    };
    const known = answers[question];
    if (known === undefined) return reply({ error: `no answer to ${question}` });
    known(input).then(
      (answer) => reply({ answer }),
      (error: unknown) => reply({ error: error instanceof Error ? String(error.stack) : 'failed' }),
    );
  });
  // Open sockets would keep it alive for ever.
  process.once('disconnect', () => process.exit(0));
}
