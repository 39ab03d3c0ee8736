import fixture from "./fixtures/election.json";
import { describe, expect, test } from "vitest";

import type { Frame } from "../src/core/types";
import type { Picture } from "../src/model/picture";
import { ACTS, actsFor, possible } from "../src/shell/acts";
import { COMMANDS, HELP, meant } from "../src/shell/keys";
import { actsOf, DEFAULT, scriptOf } from "../src/shell/presets";
import { routeOf } from "../src/shell/route";

const frame = (fixture as unknown as { frames: Frame[] }).frames[0];
if (!frame) throw new Error("the fixture has no frame");

const picture = (more: Partial<Picture> = {}): Picture => ({
  cursor: { branch: 0, position: 0, fraction: 0 }, at_us: 0,
  servers: frame.servers, clients: [], cuts: [], flights: [], headline: null, headlineBefore: null, frame, broken: [],
  fresh: new Map(), ...more,
});

describe("acts", () => {
  test("a server that is down can be started and not crashed", () => {
    const one = { kind: "server", sid: 1 } as const;
    expect(possible("start", one, picture())).toEqual({ act: "start", doing: { line: "start 1" } });
    expect(possible("crash", one, picture())).toEqual({ act: "crash", why: "isDown" });
    expect(possible("crash", { kind: "server", sid: 9 }, picture())).toHaveProperty("why", "noServer");
  });

  test("a link is cut both ways, one way, and healed", () => {
    const way = { kind: "way", a: "s1", b: "s2" } as const;
    const whole = picture();
    const half = picture({ cuts: [{ from: "s1", to: "s2" }] });
    const none = picture({ cuts: [{ from: "s1", to: "s2" }, { from: "s2", to: "s1" }] });
    expect(possible("cut", way, whole)).toHaveProperty("doing", { line: "cut 1 from 2" });
    expect(possible("heal", way, whole)).toHaveProperty("why", "notCut");
    expect(possible("cutTo", way, half)).toHaveProperty("why", "isCut");
    expect(possible("cutFrom", way, half)).toHaveProperty("doing", { line: "cut 2->1" });
    expect(possible("cut", way, none)).toHaveProperty("why", "isCut");
    expect(possible("heal", way, half)).toHaveProperty("doing", { line: "heal 1 from 2" });
  });

  test("every act belongs to one kind of thing, and nothing selected has none", () => {
    const kinds = [
      { kind: "server", sid: 1 }, { kind: "flight", id: "1a.0" }, { kind: "way", a: "s1", b: "s2" },
    ] as const;
    expect(kinds.flatMap((kind) => actsFor(kind)).sort()).toEqual([...ACTS].sort());
    expect(actsFor(null)).toEqual([]);
    for (const act of ACTS) expect(possible(act, null, picture())).toHaveProperty("why");
  });
});

describe("keys", () => {
  const plain = { shift: false, control: false, alt: false };

  test("letters can be switched off, the others cannot", () => {
    expect(meant({ ...plain, key: "x" }, true)).toEqual({ command: "restart" });
    expect(meant({ ...plain, key: "x" }, false)).toBeNull();
    expect(meant({ ...plain, key: "3" }, true)).toEqual({ command: "select", digit: 3 });
    expect(meant({ ...plain, key: " " }, false)).toEqual({ command: "toggle" });
    expect(meant({ ...plain, key: "ArrowRight", shift: true }, false)).toEqual({ command: "nextMark" });
  });

  test("keys of the browser stay the browser's", () => {
    expect(meant({ ...plain, key: "r", control: true }, true)).toBeNull();
    expect(meant({ ...plain, key: "ArrowLeft", alt: true }, true)).toBeNull();
    expect(meant({ ...plain, key: "z", control: true }, true)).toEqual({ command: "undo" });
    expect(meant({ ...plain, key: "constructor" }, true)).toBeNull();
  });

  test("the help tells every command", () => {
    expect(HELP.map(({ command }) => command).sort()).toEqual([...COMMANDS].sort());
  });
});

describe("a new ensemble", () => {
  test("as a script", () => {
    expect(scriptOf({ ...DEFAULT, servers: 5, observer: true, clients: 2 })).toBe([
      "zablab script 1", "given servers 5", "given observers 5", "given seed 1", "given delay 10ms",
      "given sync-time 1ms", "given clients c1 c2", "",
    ].join("\n"));
  });

  test("all but the last start, and clients try every server", () => {
    expect(actsOf({ ...DEFAULT, preset: "late", clients: 2 }))
      .toEqual(["start 1..2", "c1: connect 1,2,3", "c2: connect 2,3,1"]);
    expect(actsOf({ ...DEFAULT, preset: "down" })).toEqual([]);
  });
});

test("routes", () => {
  expect(routeOf("")).toEqual({ name: "lab", link: null });
  expect(routeOf("#/lab?lang=en")).toEqual({ name: "lab", link: null });
  expect(routeOf("#/lab/z1.AAAA")).toEqual({ name: "lab", link: "#/lab/z1.AAAA" });
  expect(routeOf("#/pieces")).toEqual({ name: "pieces" });
});
