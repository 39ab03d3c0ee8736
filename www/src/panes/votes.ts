// What one server knows of the votes, as a table: a row for each candidate, a column for each voter. Every cell is
// looked up in what the core says; nothing is counted here.
import type { ServerFrame, ServerState, Sid, Slot } from "../core/types";
import { ballot } from "../pieces/ballot";
import { PAPER } from "../pieces/outlines";
import { at, type Piece } from "../pieces/marks";
import { slot } from "../pieces/tray";

/** As a slot of the tray, or `out`: a vote of a server that is not in the election. */
export type CellState = Slot["state"] | "out";
export type VoteRow = {
  candidate: Sid;
  cells: { voter: Sid; state: CellState }[];
  /** True for the candidate of the tray, whose votes the core counts. */
  counted: boolean;
};
export type VoteTable = { voters: Sid[]; rows: VoteRow[] };

export function voteTable(up: ServerState, servers: readonly ServerFrame[]): VoteTable {
  const tray = up.tray?.of === "votes" ? up.tray : null;
  const voters = tray
    ? tray.slots.map(({ sid }) => sid)
    : servers.filter(({ observer }) => !observer).map(({ sid }) => sid);
  const named = [tray?.candidate ?? null, ...up.tally.map(({ vote }) => vote.leader)];
  const candidates = [...new Set(named)].filter((one): one is Sid => one !== null && one >= 0);
  const down = new Set(servers.filter((one) => one.up === null).map(({ sid }) => sid));
  const rows = candidates.map((candidate): VoteRow => {
    const isTrays = tray !== null && tray.candidate === candidate;
    const cells = voters.map((voter) => {
      const known = up.tally.find((one) => one.voter === voter);
      if (known?.vote.leader === candidate) return { voter, state: known.counted ? "in" as const : "out" as const };
      const held = isTrays ? tray.slots.find(({ sid }) => sid === voter)?.state : undefined;
      return { voter, state: held ?? (down.has(voter) ? "down" as const : "open" as const) };
    });
    return { candidate, cells, counted: isTrays };
  });
  return { voters, rows };
}

/** One cell: a slot with what lies in it. */
export function voteCell(candidate: Sid, state: CellState, size: number): Piece {
  const piece = (marks: Piece["marks"]): Piece => ({ marks, box: { x: 0, y: 0, width: size, height: size } });
  const half = size / 2;
  if (state === "out") {
    const sheet = [
      { d: PAPER, stroke: "m-election", width: 2.4 },
      ...ballot(candidate, "expected").marks.slice(1),
    ];
    return piece([...slot("votes", candidate, "open", size), at(half, half, sheet, { scale: (size * 0.36) / 17 })]);
  }
  return piece(slot("votes", candidate, state, size));
}

/** The part of a vote that decided, by the core's reason. */
export type VotePart = "round" | "epoch" | "zxid" | "sid";
const PARTS: { readonly [reason: string]: VotePart } = { Round: "round", Epoch: "epoch", Zxid: "zxid", Sid: "sid" };
export const partOf = (reason: string): VotePart | null => PARTS[reason] ?? null;
