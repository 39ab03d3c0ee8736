// The stage of a run of Paxos: proposers, acceptors and learners in columns, on an upright board in rows; peers, which do
// all of it, on a ring. Pure. Loaded with the first such run.
import type { Ballot, PaxosFrame, Proposal, ServerFrame } from "../core/types";
import { t } from "../i18n/t.svelte";
import type { Point } from "../pieces/board";
import { MATS, type MatForm, type Numbered } from "../pieces/paxos";
import type { Layout, PlacedServer } from "./layout";

export { default as PaxosPiece } from "./PaxosPiece.svelte";

export type Kind = "proposer" | "acceptor" | "learner";
export type Process = { sid: number; kind: Kind; peer: boolean };
export type PaxosBoard = { width: number; height: number; processes: Process[] };

/** Whoever accepts is a mat, whatever else it does. */
export const kindOf = ({ acceptor, proposer }: PaxosFrame): Kind => (acceptor ? "acceptor" : proposer ? "proposer" : "learner");
export const processesOf = (servers: readonly ServerFrame[]): Process[] => servers.flatMap(({ sid, paxos }) =>
  (paxos ? [{ sid, kind: kindOf(paxos), peer: paxos.acceptor && paxos.proposer }] : []));

export type PaxosLayout = Layout & {
  mat: MatForm;
  /** Of a proposer or learner, 1 for its whole size. */
  scale: number;
  /** How many lines of words there is room for under a proposer, learner or peer. */
  lines: 0 | 1 | 2;
  upright: boolean;
};

const EDGE = 14;
const LINE = 24;
/** Before the first and behind the last of a column: room for the ring of what is selected. */
const MARGIN = 6;
const PIECE = { x: 42, y: 36 };

export function layOutPaxos({ width, height, processes }: PaxosBoard): PaxosLayout {
  const peers = processes.length > 1 && processes.every((one) => one.peer);
  return peers ? ring(width, height, processes) : columns(width, height, processes);
}

const make = (width: number, height: number, more: Partial<PaxosLayout>): PaxosLayout => ({
  width, height, middle: { x: width / 2, y: height / 2 }, rx: width / 3, ry: height / 3, r: 30, s: width < 480 ? 12 : 14,
  form: "none", servers: [], clients: [], small: width < 480, mat: "row", scale: 1, lines: 2, upright: false, ...more,
});
const placed = (sid: number, at: Point, half: Point): PlacedServer => ({ sid, ...at, angle: 0, label: null, half });

/** The largest mat of which so many fit into so much room, one after the other and across. */
function matFor(count: number, along: number, across: number, forms: readonly MatForm[], size: "width" | "height", gap: number): MatForm {
  const other = size === "width" ? "height" : "width";
  return forms.find((form) => MATS[form][size] * count + gap * (count + 1) <= along && MATS[form][other] <= across) ?? (size === "height" && across < 160 ? "slim" : "row");
}

function columns(width: number, height: number, processes: Process[]): PaxosLayout {
  const of = (kind: Kind): Process[] => processes.filter((one) => one.kind === kind);
  const groups = [of("proposer"), of("acceptor"), of("learner")].filter((group) => group.length > 0);
  const count = of("acceptor").length;
  const outer = Math.max(0, of("proposer").length, of("learner").length);
  const upright = height > width * 0.95 && MATS.tower.width * count + 10 * (count + 1) <= width && outer * 76 <= width;
  const room = upright ? width : height;
  const forms: readonly MatForm[] = upright ? ["whole", "compact", "tower"] : ["whole", "compact", "row"];
  const mat = upright ? matFor(count, width, height * 0.34, forms, "width", 10)
    : matFor(count, height, width * 0.34, forms, "height", count > 5 ? 6 : 14);
  const share = outer > 0 ? room / outer : room;
  const lines = upright ? (share >= 150 ? 2 : 1) : width < 480 ? (share >= PIECE.y + 2 * LINE ? 1 : 0) : share >= 2 * PIECE.y + 2 * LINE + 8 ? 2 : share >= PIECE.y + 2 * LINE ? 1 : 0;
  const scale = upright ? Math.min(1, share / 100, 0.8)
    : Math.max(0.4, Math.min(width < 480 ? 0.6 : 1, (share - lines * LINE - 16) / (2 * PIECE.y)));
  const outerHalf = { x: PIECE.x * scale, y: PIECE.y * scale };
  const matHalf = { x: MATS[mat].width / 2, y: MATS[mat].height / 2 };
  const made = make(width, height, { mat, scale, lines, upright, axis: upright ? "y" : "x" });
  // Words need more room beside a column than its pieces.
  const words = lines > 0 && !upright ? Math.max(outerHalf.x, Math.min(90, width * 0.09)) : outerHalf.x;
  const below = lines * LINE;
  const first = upright ? EDGE + below + outerHalf.y : EDGE + words;
  const last = upright ? height - EDGE - below - outerHalf.y - 4 : width - EDGE - words;
  groups.forEach((group, g) => {
    const isMat = group[0]?.kind === "acceptor";
    const half = isMat ? matHalf : outerHalf;
    const alone = groups.length === 1;
    const edge = isMat && !alone ? (upright ? height - Math.max(EDGE + half.y + 8, height * 0.26) : width - Math.max(EDGE + half.x, width * 0.2)) : last;
    const depth = alone ? (upright ? height : width) / 2
      : g === 0 ? (isMat ? (upright ? EDGE : 0) + half[upright ? "y" : "x"] + EDGE : first)
      : g === groups.length - 1 ? edge
      : (first + last) / 2;
    group.forEach((one, i) => {
      const along = MARGIN + ((room - 2 * MARGIN) * (i + 0.5)) / group.length;
      const lift = !isMat && !upright ? below / 2 : 0;
      made.servers.push(placed(one.sid, upright ? { x: along, y: depth } : { x: depth, y: along - lift }, half));
    });
  });
  return made;
}

function ring(width: number, height: number, processes: Process[]): PaxosLayout {
  const n = processes.length;
  // A line of words outside of each.
  const below = 2 * LINE;
  const forms: readonly MatForm[] = ["whole", "compact", "tower", "slim"];
  // With a line of words between those above each other, else without.
  const tries = [LINE, 0].flatMap((line) => forms.map((mat) => ({ mat, line })));
  for (const [index, { mat, line }] of tries.entries()) {
    const half = { x: MATS[mat].width / 2, y: MATS[mat].height / 2 };
    const rx = Math.min(360, width / 2 - half.x - EDGE);
    const ry = (height - 2 * EDGE - 2 * half.y - below) / 2;
    const middle = { x: width / 2, y: EDGE + LINE + half.y + ry };
    const servers = processes.map((one, i) => {
      const angle = (i * 2 * Math.PI) / n;
      return placed(one.sid, { x: middle.x + rx * Math.sin(angle), y: middle.y - ry * Math.cos(angle) }, half);
    });
    const clear = servers.every((a, i) => servers.slice(i + 1).every((b) =>
      Math.abs(a.x - b.x) > 2 * half.x + 20 || Math.abs(a.y - b.y) > 2 * half.y + line + 8));
    if ((clear && rx > 0 && ry > 0) || index === tries.length - 1) return make(width, height, { mat, servers, middle, rx, ry, lines: line > 0 ? 2 : 0 });
  }
  throw new Error("the last form is always taken");
}

/** How the number of a proposal is written. */
export function numbered(of: Proposal | null, names: ReadonlyMap<number, string>): Numbered | null {
  return of && { round: of.ballot.round, words: `${ballotWords(of.ballot, names)} ${of.value}` };
}
export function promisedBy(ballot: Ballot | null, names: ReadonlyMap<number, string>): Numbered | null {
  return ballot && { round: ballot.round, words: ballotWords(ballot, names) };
}
export const ballotWords = ({ round, proposer }: Ballot, names: ReadonlyMap<number, string>): string =>
  `${round}·${names.get(proposer) ?? proposer}`;
export const namesOf = (servers: readonly ServerFrame[]): Map<number, string> =>
  new Map(servers.flatMap(({ sid, paxos }) => (paxos ? [[sid, paxos.name] as const] : [])));

/** What a reader is at, in words; nothing before it was asked. */
export function readingWords({ up }: PaxosFrame, names: ReadonlyMap<number, string>): string {
  if (!up || up.reading === "Idle") return "";
  if (up.reading === "Asking") return t("paxos.reading.Asking", { have: String(up.answered.length), need: String(up.need) });
  if (up.reading === "Failed") return t("paxos.reading.Failed");
  return t("paxos.reading.Found", { value: up.reading.Found.value, number: ballotWords(up.reading.Found.ballot, names) });
}

/** The whole of a process for those who do not see it. */
export function paxosName({ paxos }: ServerFrame, names: ReadonlyMap<number, string>): string {
  if (!paxos) return "";
  const { name, up } = paxos;
  const role = t(`paxos.role.${paxos.acceptor && paxos.proposer ? "peer" : kindOf(paxos)}`);
  if (!up) return t("paxos.name.down", { role, name });
  const none = t("paxos.none");
  const parts = [t("paxos.name", { role, name })];
  if (paxos.acceptor) {
    parts.push(t("paxos.name.accepts", {
      promised: promisedBy(up.promised, names)?.words ?? none, accepted: numbered(up.accepted, names)?.words ?? none,
    }));
  }
  if (paxos.proposer) {
    const number = promisedBy(up.ballot, names)?.words ?? none;
    parts.push(t("paxos.name.proposes", { stage: t(`paxos.stage.${up.stage}`), number, value: up.proposal?.value ?? none }));
  }
  if (paxos.learner || up.learned !== null) parts.push(t("paxos.name.learned", { value: up.learned ?? none }));
  const reading = readingWords(paxos, names);
  return parts.concat(reading || []).reduce((name, more) => t("paxos.with", { name, more }));
}
