// The only place that asks the browser for animation frames, and only while somebody wants them.

/** Calls `draw` with the milliseconds since the last call, as long as it says that it goes on. */
export class Frames {
  readonly #draw: (dt_ms: number) => boolean;
  #handle: number | null = null;
  #last: number | null = null;

  constructor(draw: (dt_ms: number) => boolean) {
    this.#draw = draw;
  }

  /** Frames are wanted; nothing happens if they come already. */
  run(): void {
    if (this.#handle !== null || typeof requestAnimationFrame === "undefined") return;
    this.#handle = requestAnimationFrame((now) => this.#tick(now));
  }

  stop(): void {
    if (this.#handle !== null) cancelAnimationFrame(this.#handle);
    this.#handle = null;
    this.#last = null;
  }

  #tick(now: number): void {
    const dt = this.#last === null ? 0 : now - this.#last;
    this.#handle = null;
    this.#last = now;
    if (this.#draw(dt)) this.run();
    else this.#last = null;
  }
}
