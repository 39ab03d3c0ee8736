// The tool in hand: a fault that waits for its target. A tool whose target is selected already
// works at once. What a tool does is in acts.ts.
import type { LabApi } from "../model/api";
import { serverHost } from "../model/hosts";
import type { Picture, Selection } from "../model/picture";
import { type ActId, connecting, type Form, possible, type Possible } from "./acts";

export class Palette {
  readonly #lab: LabApi;
  readonly #form: (form: Form) => void;
  #tool = $state.raw<ActId | null>(null);
  /** The first of the two ends that a cut needs. */
  #first = $state.raw<number | null>(null);
  /** The client that is to be connected. */
  #client = $state.raw<string | null>(null);

  /** `form` opens the form in which the selected client asks for something. */
  constructor(lab: LabApi, form: (form: Form) => void) {
    this.#lab = lab;
    this.#form = form;
  }

  get tool(): ActId | null { return this.#tool; }
  get first(): number | null { return this.#first; }
  get client(): string | null { return this.#client; }

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
    this.#client = null;
    this.#tool = act;
    this.#first = act === "cut" && selection?.kind === "server" ? selection.sid : null;
  }

  leave(): void {
    this.#tool = null;
    this.#first = null;
    this.#client = null;
  }

  /** Something on the stage was chosen. True if the tool took it. */
  aim(target: Selection): boolean {
    const act = this.#tool;
    const { picture } = this.#lab;
    if (act === null || target === null || !picture) return false;
    if (act === "connect") return this.#aimConnect(target, picture);
    if (act === "cut" && target.kind === "server") return this.#aimCut(target.sid);
    const now = possible(act, target, picture);
    if (!("doing" in now)) return false;
    this.leave();
    void this.do(now);
    return true;
  }

  async do(what: Possible): Promise<boolean> {
    if (!("doing" in what)) return false;
    const { doing } = what;
    if ("line" in doing) {
      const first = await this.#lab.act(doing.line);
      return first && doing.then !== undefined ? this.#lab.act(doing.then) : first;
    }
    if ("step" in doing) return this.#lab.step(doing.step);
    if ("form" in doing) this.#form(doing.form);
    else this.#wait(doing.tool);
    return true;
  }

  /** A tool that has its client, and waits for a server. */
  #wait(tool: ActId): void {
    const { selection } = this.#lab;
    if (selection?.kind !== "client") return;
    this.#tool = tool;
    this.#client = selection.host;
  }

  #aimConnect(target: NonNullable<Selection>, picture: Picture): boolean {
    const client = picture.clients.find(({ host }) => host === this.#client);
    if (!client || target.kind !== "server") return false;
    this.leave();
    void this.#lab.act(connecting(client.name, target.sid, picture.servers.map(({ sid }) => sid)));
    return true;
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
