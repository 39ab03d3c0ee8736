import fixture from "./fixtures/election.json";
import { describe, expect, test } from "vitest";

import type { ClientFrame, Frame } from "../src/core/types";
import type { FlightNow, Picture } from "../src/model/picture";
import { ACTS, actsFor, connecting, possible } from "../src/shell/acts";
import { COMMANDS, HELP, meant } from "../src/shell/keys";
import { began } from "../src/shell/lanes";
import { actsOf, DEFAULT, scriptOf } from "../src/shell/presets";
import { routeOf } from "../src/shell/route";

const frame = (fixture as unknown as { frames: Frame[] }).frames[0];
if (!frame) throw new Error("the fixture has no frame");

const picture = (more: Partial<Picture> = {}): Picture => ({
  cursor: { branch: 0, position: 0, fraction: 0 }, at_us: 0,
  servers: frame.servers, clients: [], cuts: [], flights: [], headline: null, headlineBefore: null, frame, broken: [],
  fresh: new Map(), before: new Map(), cutsBefore: null, ...more,
});

describe("acts", () => {
  test("a server that is down can be started and not crashed", () => {
    const one = { kind: "server", sid: 1 } as const;
    expect(possible("start", one, picture())).toEqual({ act: "start", doing: { line: "start 1" } });
    expect(possible("crash", one, picture())).toEqual({ act: "crash", why: "isDown" });
    expect(possible("crash", { kind: "server", sid: 9 }, picture())).toHaveProperty("why", "noServer");
  });

  test("a message that is lost can be done nothing to", () => {
    const flight = { id: "1a.1", lane: "1a" } as FlightNow["flight"];
    const now: FlightNow = { flight, progress: 0.5, held: false, doomed: false, lost: false };
    const one = { kind: "flight", id: "1a.1" } as const;
    expect(possible("drop", one, picture({ flights: [now] }))).toHaveProperty("doing", { step: "lose 1a.1" });
    for (const act of actsFor(one)) {
      expect(possible(act, one, picture({ flights: [{ ...now, lost: true }] }))).toHaveProperty("why", "isLost");
    }
  });

  test("a link to a client is offered only what a script can say", () => {
    expect(actsFor({ kind: "way", a: "s1", b: "s2" })).toEqual(["cut", "cutTo", "cutFrom", "heal"]);
    expect(actsFor({ kind: "way", a: "c1", b: "s2" })).toEqual(["cutTo", "cutFrom"]);
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

  test("a client is offered what it can do now, and is told why not", () => {
    const one = { kind: "client", host: "c0" } as const;
    const client: ClientFrame = {
      host: "c0", name: "c1", state: "Connected", read_only: false, server: 2, session: "0x1", pending: [], done: [], watches: [],
    };
    const at = picture({ clients: [client] });
    expect(possible("disconnect", one, at)).toHaveProperty("doing", { line: "c1: disconnect" });
    expect(possible("crash", one, at)).toHaveProperty("doing", { line: "c1: crash" });
    expect(possible("read", one, at)).toHaveProperty("doing", { form: "get" });
    expect(possible("connect", one, at)).toHaveProperty("why", "hasSession");
    expect(possible("elsewhere", one, at)).toHaveProperty("doing", { line: "c1: disconnect", then: "c1: connect 1,2,3" });
    const gone: ClientFrame = { ...client, state: "Disconnected", server: null, session: null };
    const off = picture({ clients: [gone] });
    expect(possible("disconnect", one, off)).toHaveProperty("why", "notConnected");
    expect(possible("crash", one, off)).toHaveProperty("why", "notRunning");
    expect(possible("close", one, off)).toHaveProperty("why", "noSession");
    expect(possible("connect", one, off)).toHaveProperty("doing", { tool: "connect" });
    expect(possible("elsewhere", one, off)).toHaveProperty("why", "noSession");
    expect(connecting("c1", 2, [1, 2, 3])).toBe("c1: connect 2,3,1");
  });

  test("every act belongs to a kind of thing, only a crash and a read to two, and nothing selected has none", () => {
    const kinds = [
      { kind: "server", sid: 1 }, { kind: "flight", id: "1a.0" }, { kind: "way", a: "s1", b: "s2" },
      { kind: "client", host: "c0" },
    ] as const;
    const process = { name: "A1", acceptor: true, proposer: true, learner: true, up: null };
    const [first] = frame.servers;
    if (!first) throw new Error("the fixture has no server");
    const peers = picture({ servers: [{ ...first, sid: 1, up: null, paxos: process }] });
    expect(kinds.flatMap((kind) => actsFor(kind, peers)).sort()).toEqual([...ACTS, "crash", "read"].sort());
    expect(possible("crash", { kind: "server", sid: 1 }, peers)).toHaveProperty("why", "isDown");
    expect(possible("start", { kind: "server", sid: 1 }, peers)).toHaveProperty("doing", { line: "start A1" });
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
    expect(Object.values(HELP).flat().map(({ command }) => command).sort()).toEqual([...COMMANDS].sort());
  });
});

describe("a branch is called by what began it", () => {
  const message = { letters: "P", zxid: { epoch: 1, counter: 2 }, from: "s3", to: "s1" } as FlightNow["flight"];
  test.each([
    ["hold 13o.8", message, "hold", "P e1·2 S3→S1"],
    ["lose 13o.8", null, "drop", ""],
    ["release 13o", message, "release", "S3→S1"],
    ["crash 1", null, "crash", "S1"],
    ["crash 2 keep all", null, "keep", "S2"],
    ["start 1,3", null, "start", "S1 S3"],
    ["cut 1 from 2", null, "cut", "S1–S2"],
    ["cut 1->c1", null, "cut", "S1→C1"],
    ["heal 1 from 2", null, "heal", "S1–S2"],
    ["heal", null, "healAll", ""],
    ["c1: create /first \"hello there\"", null, null, "C1 create /first"],
    ["c1: disconnect", null, "disconnect", "C1"],
    ["reset 13", null, null, "reset 13"],
  ] as const)("%s", (step, what, act, words) => {
    expect(began(step, what)).toEqual({ act, what: words });
  });
});

describe("a new ensemble", () => {
  test("as a script", () => {
    expect(scriptOf({ ...DEFAULT, servers: 5, observer: true, clients: 2 })).toBe([
      "zablab script 1", "given servers 5", "given observers 5", "given seed 1", "given delay 10ms",
      "given sync-time 1ms", "given clients c1 c2", "",
    ].join("\n"));
    expect(scriptOf({ ...DEFAULT, reconfig: true, election: 0, clients: 0 })).toBe([
      "zablab script 1", "given servers 3", "given election-alg 0", "given reconfig on", "given skip-acl on",
      "given seed 1", "given delay 10ms", "given sync-time 1ms", "",
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
