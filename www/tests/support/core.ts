// A tiny core behind a port: it speaks the worker's messages and has branches, but its protocol is
// nonsense. What it does next depends on all it did before, so two histories are never alike by
// chance.
import type { FromWorker, Port, ToWorker } from "../../src/core/client";
import type { Answer, BranchView, Done, Frame, Request } from "../../src/core/types";
import { delivered, flight, frame, headline, server } from "./frames";

/** A step, a number for all of the history up to it, and how many steps of the chooser that has. */
type Step = { step: string; hash: number; autos: number };
type Line = { parent: { branch: number; at: number } | null; steps: Step[] };
type Options = {
  /** After so many steps nothing happens any more. */
  ends?: number;
};

/** Simulated time of one step of the chooser. */
const STEP_US = 10_000;

export class TinyCore {
  lines: Line[] = [];
  branch = 0;
  position = 0;
  readonly asked: Request[] = [];
  readonly #ends: number;

  constructor(options: Options = {}) {
    this.#ends = options.ends ?? Infinity;
  }

  handle(request: Request): Partial<Done> | string {
    this.asked.push(request);
    switch (request.do) {
      case "open":
        this.lines = [{ parent: null, steps: [] }];
        this.branch = 0;
        this.position = 0;
        return "script" in request && request.script.includes("bad")
          ? "no script" : { frames: [this.#frame(0, 0)] };
      case "advance": return { frames: this.#auto(request.max_steps, request.until_us) };
      case "step": {
        if ("step" in request) return { frames: [this.#apply(`!${request.step}`)] };
        const frames = this.#auto(request.count, Infinity);
        return frames.length === 0 ? "nothing can happen any more" : { frames };
      }
      case "act":
        if (request.line.includes("bad")) return "no such act";
        return { frames: request.line.split(";").map((act) => this.#apply(`!${act}`)) };
      case "seek": {
        const { branch, position, forget } = request;
        if (position > this.length(branch)) return "no such position";
        if (forget === true) {
          const leaves = this.lines.some(({ parent }) => parent?.branch === branch && parent.at > position);
          const line = this.lines[branch];
          if (leaves || !line) return "another branch begins";
          line.steps.length = Math.max(0, position - (line.parent?.at ?? 0));
        }
        this.branch = branch;
        this.position = position;
        return { frames: [] };
      }
      case "frames":
        return { frames: this.frames(request.branch).slice(request.from + 1, request.to + 1) };
      case "export":
        if (request.as === "zlab") return { frames: [], data: JSON.stringify(this.lines.map((_, id) => this.length(id))) };
        return { frames: [], data: this.steps(this.branch).slice(0, this.position).join("\n") };
      default: return { frames: [] };
    }
  }

  length(branch: number): number {
    const line = this.lines[branch];
    return line ? (line.parent?.at ?? 0) + line.steps.length : -1;
  }

  steps(branch: number): string[] {
    return Array.from({ length: this.length(branch) }, (_, n) => this.#at(branch, n + 1).step);
  }

  frames(branch: number): Frame[] {
    return Array.from({ length: this.length(branch) + 1 }, (_, position) => this.#frame(branch, position));
  }

  view(): Done["view"] {
    const branches = this.lines.map((line, id): BranchView => ({
      parent: line.parent, length: this.length(id), step: line.parent ? line.steps[0]?.step ?? null : null,
    }));
    return {
      now_us: this.#frame(this.branch, this.position).at_us, branch: this.branch,
      position: this.position, length: this.length(this.branch), servers: [], branches,
    };
  }

  #auto(count: number, until_us: number): Frame[] {
    const frames: Frame[] = [];
    while (frames.length < count && this.position < this.#ends) {
      const { hash, autos } = this.#at(this.branch, this.position);
      if ((autos + 1) * STEP_US > until_us) break;
      frames.push(this.#apply(`auto ${hash}`));
    }
    return frames;
  }

  /** The step that leads to a position. */
  #at(branch: number, position: number): Step {
    let line = this.lines[branch];
    while (line?.parent && position <= line.parent.at) line = this.lines[line.parent.branch];
    return line?.steps[position - (line.parent?.at ?? 0) - 1] ?? { step: "", hash: 1, autos: 0 };
  }

  #apply(step: string): Frame {
    const at = this.position;
    const before = this.#at(this.branch, at);
    const autos = before.autos + (step.startsWith("auto") ? 1 : 0);
    const made = { step, hash: mix(before.hash, step), autos };
    if (at === this.length(this.branch)) this.lines[this.branch]?.steps.push(made);
    else if (this.#at(this.branch, at + 1).step !== step) {
      this.lines.push({ parent: { branch: this.branch, at }, steps: [made] });
      this.branch = this.lines.length - 1;
    }
    this.position += 1;
    return this.#frame(this.branch, this.position);
  }

  #frame(branch: number, position: number): Frame {
    const servers = position === 0 ? [1, 2, 3].map((sid) => server(sid)) : [];
    if (position === 0) return frame(0, 0, { servers, cuts: [], held: [] });
    const { step, hash: seed, autos } = this.#at(branch, position);
    const acted = step.startsWith("!");
    const earlier = position - 3;
    return frame(position, autos * STEP_US, {
      step: acted ? step.slice(1) : step,
      headline: acted || seed % 3 > 0 ? headline("Synced", { host: `s${1 + seed % 3}`, seq: seed }) : null,
      mark: acted ? "crashed" : seed % 7 === 0 ? "committed" : null,
      servers: seed % 5 === 0 ? [{ ...server(1 + seed % 3), earlier: seed }] : [],
      sent: [flight(`${position}a.${seed % 1000}`)],
      ended: earlier > 0 ? [delivered(`${earlier}a.${this.#at(branch, earlier).hash % 1000}`)] : [],
    });
  }
}

/** It behind a port. Answers come one after the other, each after `wait`. */
export function portOf(core: TinyCore, wait: () => Promise<void> = async () => undefined): Port & { crash(): void } {
  let receive: (message: FromWorker) => void = () => undefined;
  let fail: (message: string) => void = () => undefined;
  let last = Promise.resolve();
  return {
    send(message: ToWorker) {
      last = last.then(wait).then(() => {
        const { v, id, ...request } = structuredClone(message);
        const made = core.handle(request as Request);
        const answer: Answer = typeof made === "string"
          ? { v, id, ok: false, error: { kind: "run", message: made } }
          : { v, id, ok: true, frames: [], view: core.view(), ...made };
        receive({ is: "answer", answer, batch: new ArrayBuffer(0) });
      });
    },
    listen(received, failed) {
      receive = received;
      fail = failed;
      queueMicrotask(() => received({ is: "ready" }));
    },
    close: () => undefined,
    crash: () => fail("it crashed"),
  };
}

function mix(seed: number, text: string): number {
  let value = seed;
  for (const character of text) value = Math.imul(value ^ character.charCodeAt(0), 16777619) >>> 0;
  return value;
}
