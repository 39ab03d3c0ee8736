// Carries commands out that came by a key. What a key means is in keys.ts.
import type { LabApi } from "../model/api";
import { serverHost } from "../model/hosts";
import type { Selection } from "../model/picture";
import { type ActId, type Form, possible } from "./acts";
import type { Meant } from "./keys";
import type { Palette } from "./palette.svelte";
import type { Tab } from "./tabs";

/** What only the page itself can do. */
export type PageActs = {
  select: (selection: Selection) => void;
  showTab: (tab: Tab) => void;
  /** To the form in which a client asks for something. */
  write: (form?: Form) => void;
  menu: () => void;
  help: () => void;
  share: () => void;
  repeat: () => void;
  leave: () => void;
};

const SPEEDS = [0.25, 0.5, 1, 2, 4];
/** PageUp and PageDown go this share of the axis. */
const PAGE = 0.01;

export class Commander {
  readonly #lab: LabApi;
  readonly #palette: Palette;
  readonly #page: PageActs;

  constructor(lab: LabApi, palette: Palette, page: PageActs) {
    this.#lab = lab;
    this.#palette = palette;
    this.#page = page;
  }

  run({ command, digit }: Meant): void {
    const lab = this.#lab;
    const page = this.#page;
    switch (command) {
      case "toggle": return lab.toggle();
      case "forward": return void lab.stepForward();
      case "back": return void lab.stepBack();
      case "nextMark": return void lab.stepForward({ chapter: true });
      case "lastMark": return void lab.stepBack({ chapter: true });
      case "start": return lab.toStart();
      case "end": return lab.toEnd();
      case "pageForward": return lab.seekStory(lab.storyNow + lab.duration * PAGE);
      case "pageBack": return lab.seekStory(lab.storyNow - lab.duration * PAGE);
      case "slower": return this.#speed(-1);
      case "faster": return this.#speed(1);
      case "select": return this.#select(digit ?? 0);
      case "restart": return this.#restart();
      case "cut": return this.#palette.take("cut");
      case "drop": return this.#palette.take("drop");
      case "hold": return this.#palette.take(this.#held() ? "release" : "hold");
      case "deliver": return this.#palette.take("deliver");
      case "write": return page.write();
      case "nextBranch": return this.#branch(1);
      case "lastBranch": return this.#branch(-1);
      case "undo": return void lab.undo();
      case "redo": return void lab.redo();
      case "server":
      case "message":
      case "votes":
      case "log":
      case "clients":
        return page.showTab(command);
      case "repeat": return page.repeat();
      case "copy": return page.share();
      case "help": return page.help();
      case "menu": return page.menu();
      case "leave": return page.leave();
    }
  }

  #speed(by: number): void {
    const now = SPEEDS.indexOf(this.#lab.speed);
    const next = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, now + by))];
    if (next !== undefined) this.#lab.setSpeed(next);
  }

  /** A server's piece gets the focus too, so that its own keys work. */
  #select(sid: number): void {
    if (!this.#lab.picture?.servers.some((server) => server.sid === sid)) return;
    this.#page.select({ kind: "server", sid });
    document.querySelector<HTMLElement>(`[data-host="${serverHost(sid)}"]`)?.focus();
  }

  #restart(): void {
    const { picture, selection } = this.#lab;
    if (!picture) return;
    const fits = (act: ActId): boolean => "doing" in possible(act, selection, picture);
    this.#palette.take(fits("start") ? "start" : "crash");
  }

  #held(): boolean {
    const { picture, selection } = this.#lab;
    return picture !== null && "doing" in possible("release", selection, picture);
  }

  #branch(by: number): void {
    const { lanes } = this.#lab;
    const now = lanes.findIndex(({ current }) => current);
    const next = lanes[(now + by + lanes.length) % lanes.length];
    if (next && !next.current) void this.#lab.switchBranch(next.id);
  }
}
