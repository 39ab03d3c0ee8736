// How the panes write what the core says: hosts, times, rounds, packets. Text only; nothing is worked out.
import type { Hex, Host, Sid, Zxid } from "../core/types";
import { zxidWords } from "../pieces/epoch";

/** What packets that are about no transaction have for an epoch. */
const NO_EPOCH = 0xffff_ffff;

/** `e1·9`; null for none. */
export const zxidText = (zxid: Zxid | null): string | null =>
  zxid === null || zxid.epoch === NO_EPOCH ? null : zxidWords(zxid);

/** `S3`, `C1`. */
export const hostName = (host: Host): string => host.toUpperCase();
export const serverName = (sid: Sid): string => `S${sid}`;

/** A server's number if there is one: whoever votes for nobody says so with a number below 0. */
export const sidText = (sid: Sid | null): string | null => (sid === null || sid < 0 ? null : serverName(sid));

/** 64 bits as people read them, as long as a number can hold them. */
export function wideText(wide: Hex): string {
  const value = Number(wide);
  return Number.isSafeInteger(value) ? String(value) : wide;
}

/** `1.028 s`, as on the time axis. */
export const timeText = (us: number): string => `${(us / 1_000_000).toFixed(3)} s`;

/** How long something takes, in words short enough for a line: `200 ms`, `2 s`. */
export function spanText(us: number): string {
  const ms = us / 1000;
  if (ms < 1000) return `${Number(ms.toFixed(1))} ms`;
  return `${Number((ms / 1000).toFixed(2))} s`;
}
