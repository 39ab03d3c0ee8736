// What the reader did, for undo and redo. Every act leads from one place to another; undoing it
// goes back to the first. Not here: branches, which keep what was undone.
import type { Cursor } from "./picture";

export type Deed = { before: Cursor; after: Cursor };

export class History {
  #deeds: Deed[] = [];
  #undone = 0;

  /** What undo would undo. */
  get back(): Deed | null {
    return this.#deeds[this.#deeds.length - 1 - this.#undone] ?? null;
  }

  /** What redo would do again. */
  get forth(): Deed | null {
    return this.#deeds[this.#deeds.length - this.#undone] ?? null;
  }

  /** Something new was done; what was undone before it cannot be done again. */
  did(deed: Deed): void {
    this.#deeds.length -= this.#undone;
    this.#undone = 0;
    this.#deeds.push(deed);
  }

  undone(): void {
    if (this.back) this.#undone += 1;
  }

  redone(): void {
    if (this.forth) this.#undone -= 1;
  }
}
