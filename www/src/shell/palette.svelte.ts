// The tool in hand: a fault that waits for its target. A tool whose target is selected already
// works at once. What a tool does is in acts.ts.
import type { LabApi } from "../model/api";
import { serverHost } from "../model/hosts";
import type { Selection } from "../model/picture";
import { type ActId, possible, type Possible } from "./acts";

export class Palette {
  readonly #lab: LabApi;
  #tool = $state.raw<ActId | null>(null);
  /** The first of the two ends that a cut needs. */
  #first = $state.raw<number | null>(null);

  constructor(lab: LabApi) {
    this.#lab = lab;
  }

  get tool(): ActId | null { return this.#tool; }
  get first(): number | null { return this.#first; }

  /** Takes a tool, or uses it on what is selected. */
  take(act: ActId): void {
    if (this.#tool === act) {
      this.leave();
      return;
    }
    const { picture, selection } = this.#lab;
    if (!picture) return;
    const now = possible(act, selection, picture);
    if ("doing" in now) {
      void this.do(now);
      return;
    }
    this.#tool = act;
    this.#first = act === "cut" && selection?.kind === "server" ? selection.sid : null;
  }

  leave(): void {
    this.#tool = null;
    this.#first = null;
  }

  /** Something on the stage was chosen. True if the tool took it. */
  aim(target: Selection): boolean {
    const act = this.#tool;
    const { picture } = this.#lab;
    if (act === null || target === null || !picture) return false;
    if (act === "cut" && target.kind === "server") return this.#aimCut(target.sid);
    const now = possible(act, target, picture);
    if (!("doing" in now)) return false;
    this.leave();
    void this.do(now);
    return true;
  }

  async do(what: Possible): Promise<boolean> {
    if (!("doing" in what)) return false;
    return "line" in what.doing
      ? this.#lab.act(what.doing.line)
      : this.#lab.step(what.doing.step);
  }

  #aimCut(sid: number): boolean {
    if (this.#first === null) {
      this.#first = sid;
      return false;
    }
    if (this.#first === sid) return false;
    const way = { kind: "way", a: serverHost(this.#first), b: serverHost(sid) } as const;
    this.leave();
    const { picture } = this.#lab;
    if (picture) void this.do(possible("cut", way, picture));
    return true;
  }
}
