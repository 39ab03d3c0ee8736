// Logs and votes as tables, and the notifications that a record keeps.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ServerState, Tile, Zxid } from "../src/core/types";
import { BranchRecord } from "../src/model/record";
import { zxidWords } from "../src/pieces/epoch";
import { logTable } from "../src/panes/logs";
import { voteTable } from "../src/panes/votes";
import { ELECTION, server } from "./support/frames";

const tileOf = (zxid: Zxid, state: Tile["state"] = "applied"): Tile => ({ zxid, op: "set", path: "/a", state });
const byZxid = (a: Zxid, b: Zxid) => a.epoch - b.epoch || a.counter - b.counter;
const zxid = fc.record({ epoch: fc.integer({ min: 0, max: 2 ** 32 - 1 }), counter: fc.integer({ min: 0, max: 2 ** 32 - 1 }) });

describe("logTable", () => {
  it("has one column for each zxid, in the order of zxids", () => {
    fc.assert(fc.property(fc.array(fc.array(zxid, { maxLength: 8 }), { minLength: 1, maxLength: 5 }), (logs) => {
      const servers = logs.map((log, i) => server(i + 1, [...log].sort(byZxid).map((one) => tileOf(one))));
      const table = logTable(servers);
      const all = new Map(logs.flat().map((one) => [zxidWords(one), one]));
      expect(table.columns).toEqual([...all.values()].sort(byZxid).map(zxidWords));
      expect(table.bands.map(({ span }) => span).reduce((a, b) => a + b, 0)).toBe(table.columns.length);
      for (const { server: of, tiles } of table.rows) {
        const shown = tiles.flatMap((one) => (one ? [zxidWords(one.zxid)] : []));
        expect(shown).toEqual([...new Set(of.log.map((one) => zxidWords(one.zxid)))]);
      }
    }));
  });

  it("rules off what some server knows to be committed", () => {
    const a = { epoch: 1, counter: 1 };
    const b = { epoch: 1, counter: 2 };
    const c = { epoch: 2, counter: 1 };
    const servers = [server(1, [tileOf(a), tileOf(b, "disk")]), server(2, [tileOf(a, "disk"), tileOf(b, "committed"), tileOf(c, "memory")])];
    expect(logTable(servers)).toMatchObject({ columns: ["e1·1", "e1·2", "e2·1"], committed: 1, window: null });
    expect(logTable([server(1)])).toMatchObject({ columns: [], committed: -1 });
  });

  it("shows the window of a leader of the recorded run", () => {
    const record = new BranchRecord();
    record.append(ELECTION);
    const at = record.length - 1;
    const servers = record.sids.flatMap((sid) => record.server(sid, at) ?? []);
    expect(logTable(servers).window).toEqual({ server: "S3", from: 0, to: 1, words: { from: "e1·1", to: "e1·2" } });
  });
});

describe("votes", () => {
  const record = new BranchRecord();
  record.append(ELECTION);
  const up = (sid: number, at: number): ServerState => {
    const found = record.server(sid, at)?.up;
    if (!found) throw new Error("down");
    return found;
  };

  it("are looked up for each candidate and voter", () => {
    const servers = record.sids.flatMap((sid) => record.server(sid, 52) ?? []);
    const table = voteTable(up(3, 52), servers);
    expect(table.voters).toEqual([1, 2, 3]);
    expect(table.rows.map(({ candidate, cells }) => [candidate, ...cells.map(({ state }) => state)])).toEqual([
      [3, "open", "open", "in"], [2, "in", "in", "open"],
    ]);
  });

  it("came with notifications that the record keeps", () => {
    const heard = record.notifications("s3", 52, 12);
    expect(heard.map(({ position, flight }) => [position, flight.from])).toEqual([[50, "s1"], [51, "s1"], [52, "s2"]]);
    expect(record.notifications("s3", 51, 1).map(({ position }) => position)).toEqual([51]);
    expect(record.notifications("s3", 49, 12)).toEqual([]);
    const fork = record.fork(51);
    expect(fork.notifications("s3", 60, 12)).toHaveLength(2);
    fork.cut(50);
    expect(fork.notifications("s3", 60, 12)).toHaveLength(1);
  });
});
