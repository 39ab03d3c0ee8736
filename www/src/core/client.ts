// The page's side of the worker that holds the core: a request goes out with a number, and exactly
// one answer with the same number comes back.
//
// It knows ports, not workers, so that tests can put anything behind it. Not here: what is asked
// when (model/run.ts), and the other side (worker.ts).
import type { Answer, Done, Problem, Request } from "./types";

/** What goes to the worker. */
export type ToWorker = Request & { v: 1; id: number };
/** What comes from it. `batch` is the event batch of docs/formats.md, section 3.1. */
export type FromWorker =
  | { is: "loading"; loaded: number; total: number | null }
  | { is: "ready" }
  | { is: "failed"; message: string }
  | { is: "answer"; answer: Answer; batch: ArrayBuffer };

/** The other end of a connection to something that answers. */
export interface Port {
  send(message: ToWorker): void;
  /** Called once, before anything is sent. `failed` is for what ends the connection. */
  listen(received: (message: FromWorker) => void, failed: (message: string) => void): void;
  close(): void;
}

/** Done, and what happened meanwhile as a batch. */
export type Answered = { done: Done; batch: ArrayBuffer };

/** A request that was refused; it has changed nothing. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** The worker is gone, or the answer was none: nothing can be asked any more. */
export class Broken extends Error {}

/** What the client tells of the worker's life. */
export type Watcher = {
  loading(loaded: number, total: number | null): void;
  ready(): void;
  failed(message: string): void;
};

type Waiting = { resolve(answered: Answered): void; reject(error: Error): void };

export class Client {
  readonly #port: Port;
  readonly #watcher: Watcher;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #broken: string | null = null;

  constructor(port: Port, watcher: Watcher) {
    this.#port = port;
    this.#watcher = watcher;
    port.listen((message) => this.#receive(message), (message) => this.#fail(message));
  }

  /** How many requests have no answer yet. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Asks. The promise fails with [`Refused`] or [`Broken`], and with nothing else. */
  ask(request: Request): Promise<Answered> {
    if (this.#broken !== null) return Promise.reject(new Broken(this.#broken));
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#port.send({ v: 1, id, ...request });
    });
  }

  /** Ends the worker; what is still waiting fails. */
  close(): void {
    this.#end("closed");
    this.#port.close();
  }

  #receive(message: FromWorker): void {
    if (this.#broken !== null) return;
    switch (message.is) {
      case "loading": return this.#watcher.loading(message.loaded, message.total);
      case "ready": return this.#watcher.ready();
      case "failed": return this.#fail(message.message);
      case "answer": return this.#answer(message.answer, message.batch);
    }
  }

  #answer(answer: Answer, batch: ArrayBuffer): void {
    const waiting = answer.id === null ? undefined : this.#waiting.get(answer.id);
    if (!waiting || answer.id === null) {
      const what = answer.ok ? "an answer to nothing" : answer.error.message;
      return this.#fail(`answer ${answer.id}: ${what}`);
    }
    this.#waiting.delete(answer.id);
    if (answer.ok) waiting.resolve({ done: answer, batch });
    else waiting.reject(new Refused(answer.error));
  }

  #fail(message: string): void {
    if (this.#broken !== null) return;
    this.#end(message);
    this.#watcher.failed(message);
  }

  #end(message: string): void {
    this.#broken ??= message;
    for (const { reject } of this.#waiting.values()) reject(new Broken(message));
    this.#waiting.clear();
  }
}

/** A real worker as a port. */
export function workerPort(worker: Worker): Port {
  return {
    send: (message) => worker.postMessage(message),
    listen(received, failed) {
      worker.onmessage = (event: MessageEvent<FromWorker>) => received(event.data);
      worker.onerror = (event) => {
        event.preventDefault();
        failed(event.message || "the worker could not be started");
      };
      worker.onmessageerror = () => failed("a message that cannot be read");
    },
    close: () => worker.terminate(),
  };
}

/** Starts the worker with the core in it. */
export function startWorker(): Port {
  return workerPort(new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }));
}
