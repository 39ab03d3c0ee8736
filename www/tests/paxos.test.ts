import { describe, expect, it } from "vitest";
import type { Flight, PaxosFrame, ServerFrame } from "../src/core/types";
import { familyOf, proposalOf } from "../src/pieces/datagrams";
import { inside, lengthInside, overlap } from "../src/stage/geometry";
import { pieceBox } from "../src/stage/layout";
import { trackBetween } from "../src/stage/links";
import { layOutPaxos, type Process, processesOf } from "../src/stage/paxos";
import { ACCEPTORS, fits, LEARNERS_MAX, PAXOS_DEFAULT, paxosActs, paxosScript, PROPOSERS_MAX } from "../src/shell/paxos-presets";

const of = (acceptors: number, proposers: number, learners: number): Process[] => [
  ...Array.from({ length: acceptors }, (_, i): Process => ({ sid: 1 + i, kind: "acceptor", peer: false })),
  ...Array.from({ length: proposers }, (_, i): Process => ({ sid: 11 + i, kind: "proposer", peer: false })),
  ...Array.from({ length: learners }, (_, i): Process => ({ sid: 21 + i, kind: "learner", peer: false })),
];
const peers = (count: number): Process[] =>
  Array.from({ length: count }, (_, i): Process => ({ sid: 1 + i, kind: "acceptor", peer: true }));

const SIZES = [[1068, 618], [1000, 500], [640, 480], [390, 440], [360, 400]] as const;
const GROUPS: readonly [string, Process[]][] = [
  ...ACCEPTORS.flatMap((a) => [1, PROPOSERS_MAX].flatMap((p) =>
    [0, 1, LEARNERS_MAX].map((l): [string, Process[]] => [`${a} acceptors, ${p} proposers, ${l} learners`, of(a, p, l)]))),
  ["3 acceptors, 4 proposers", of(3, 4, 0)],
  ...[1, 3, 5].map((n): [string, Process[]] => [`${n} peers`, peers(n)]),
];

describe.each(SIZES)("on a board of %i by %i", (width, height) => {
  it.each(GROUPS)("%s stand inside, clear of each other", (_, processes) => {
    const layout = layOutPaxos({ width, height, processes });
    expect(layout.servers.map(({ sid }) => sid).sort()).toEqual(processes.map(({ sid }) => sid).sort());
    const boxes = layout.servers.map((one) => {
      const half = one.half ?? { x: 0, y: 0 };
      return { x: one.x - half.x, y: one.y - half.y, width: 2 * half.x, height: 2 * half.y };
    });
    for (const [i, box] of boxes.entries()) {
      expect(inside(box, width, height, 0), JSON.stringify(box)).toBe(true);
      for (const other of boxes.slice(i + 1)) expect(overlap(box, other), JSON.stringify([box, other])).toBe(false);
    }
  });
});

describe("the ways between processes", () => {
  const layout = layOutPaxos({ width: 1068, height: 618, processes: of(3, 2, 1) });

  it("end at the sides of the pieces, and pass over no third one", () => {
    for (const p of [11, 12, 21]) {
      for (const a of [1, 2, 3]) {
        const track = trackBetween(layout, `s${p}`, `s${a}`);
        if (!track) throw new Error("no track");
        for (const one of layout.servers) {
          expect(lengthInside(track.from, track.to, pieceBox(one, 0))).toBeLessThan(12);
        }
      }
    }
  });

  it("bow past those that stand between", () => {
    expect(trackBetween(layout, "s1", "s2")?.via).toBeUndefined();
    expect(trackBetween(layout, "s1", "s3")?.via).toBeDefined();
  });
});

describe("datagrams", () => {
  const flight = (kind: string, fields: Record<string, string>): Flight => ({
    id: "1a.0", lane: "1a", from: "s1", to: "s11", family: "election", letters: "X", kind, reply: false, quiet: false, zxid: null,
    ballot: null, fields: Object.entries(fields).map(([name, value]) => ({ name, value })), bytes: 1,
  });

  it("have a notch, and others have none", () => {
    expect(familyOf(flight("PROMISE", {}))).toBe("paxos1");
    expect(familyOf(flight("ACCEPTED", {}))).toBe("paxos2");
    expect(familyOf(flight("NOTIFICATION", {}))).toBe("election");
  });

  it("tell what was accepted before they tell what is asked", () => {
    expect(proposalOf(flight("PROMISE", { ballot: "(3,P2)", accepted: "(1,P1)", value: "v1" })))
      .toEqual({ number: "1·P1", round: 1, value: "v1" });
    expect(proposalOf(flight("PROMISE", { ballot: "(3,P2)", accepted: "none" }))).toEqual({ number: "3·P2", round: 3, value: "" });
    expect(proposalOf(flight("NOTIFICATION", { leader: "3" }))).toBeNull();
  });
});

it("processes are told by what they do", () => {
  const paxos = (name: string, more: Partial<PaxosFrame>): PaxosFrame =>
    ({ name, acceptor: false, proposer: false, learner: false, up: null, ...more });
  const server = (sid: number, more?: PaxosFrame): ServerFrame =>
    ({ sid, observer: false, up: null, disk: "idle", log: [], earlier: 0, ...(more ? { paxos: more } : {}) });
  expect(processesOf([
    server(1, paxos("A1", { acceptor: true })), server(11, paxos("P1", { proposer: true })),
    server(2, paxos("A2", { acceptor: true, proposer: true, learner: true })), server(3),
  ])).toEqual([
    { sid: 1, kind: "acceptor", peer: false }, { sid: 11, kind: "proposer", peer: false }, { sid: 2, kind: "acceptor", peer: true },
  ]);
});

describe("a new run of Paxos", () => {
  it("as a script", () => {
    expect(paxosScript(PAXOS_DEFAULT)).toBe([
      "zablab script 1", "given paxos acceptors 3", "given paxos proposers 2", "given paxos learners 1", "given seed 1",
      "given delay 10ms", "given sync-time 1ms", "",
    ].join("\n"));
    expect(paxosScript({ ...PAXOS_DEFAULT, peers: true })).toContain("given paxos peers 3\n");
  });

  it("begins only what there are processes for", () => {
    const alone = { ...PAXOS_DEFAULT, proposers: 1, preset: "walls" } as const;
    expect(fits("walls", alone)).toBe(false);
    expect(paxosActs(alone)).toEqual(['P1: propose "v1"']);
    expect(paxosActs({ ...PAXOS_DEFAULT, preset: "walls" })).toEqual(["cut P2 from A3", "cut P1 from A1", 'P2: prepare 1 "v1"']);
  });
});
