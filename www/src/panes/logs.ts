// The logs of all servers as one table: a row for each server, a column for each zxid that any of them has. Layout
// only: where a tile stands. What a tile is, which are committed and what a leader keeps says the core.
import type { ServerFrame, Tile } from "../core/types";
import { zxidWords } from "../pieces/epoch";
import { serverName } from "./words";

export type Band = { epoch: number; span: number };
export type LogRow = { server: ServerFrame; tiles: (Tile | null)[] };
/** From column to column; words say the same where a column is no longer drawn. */
export type LogWindow = { server: string; from: number; to: number; words: { from: string; to: string } };
export type LogTable = {
  /** `e1·9`, in the order in which they are read. */
  columns: string[];
  bands: Band[];
  rows: LogRow[];
  /** The last column that some server knows to be committed; -1 for none. */
  committed: number;
  window: LogWindow | null;
  earlier: boolean;
};

/** As people read numbered names, `e2·9` before `e2·10`: the order of drawing, and of nothing else. */
const reading = new Intl.Collator("en", { numeric: true });

export function logTable(servers: readonly ServerFrame[]): LogTable {
  const epochs = new Map<string, number>();
  for (const { log } of servers) for (const { zxid } of log) epochs.set(zxidWords(zxid), zxid.epoch);
  const columns = [...epochs.keys()].sort(reading.compare);
  const rows = servers.map((server): LogRow => {
    const own = new Map(server.log.map((one) => [zxidWords(one.zxid), one]));
    return { server, tiles: columns.map((column) => own.get(column) ?? null) };
  });
  const bands: Band[] = [];
  for (const column of columns) {
    const epoch = epochs.get(column) ?? 0;
    const last = bands.at(-1);
    if (last?.epoch === epoch) last.span += 1;
    else bands.push({ epoch, span: 1 });
  }
  const known = (column: number) => rows.some(({ tiles }) => isCommitted(tiles[column] ?? null));
  return {
    columns, bands, rows, window: windowOf(servers, columns),
    committed: columns.findLastIndex((_, column) => known(column)),
    earlier: servers.some((server) => server.earlier > 0),
  };
}

const isCommitted = (one: Tile | null): boolean => one?.state === "committed" || one?.state === "applied";

function windowOf(servers: readonly ServerFrame[], columns: readonly string[]): LogWindow | null {
  const leader = servers.find(({ up }) => up?.role === "Leading");
  if (!leader?.up) return null;
  const words = { from: zxidWords(leader.up.min_committed_log), to: zxidWords(leader.up.max_committed_log) };
  const to = columns.indexOf(words.to);
  // Its beginning may be older than what is drawn.
  return to === -1 ? null : { server: serverName(leader.sid), from: Math.max(0, columns.indexOf(words.from)), to, words };
}
