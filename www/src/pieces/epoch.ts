// How an epoch looks: one of six fills, hatched from the seventh on so that no two of eighteen look the same. The
// number is always printed beside it. Knows nothing of what an epoch means.
import type { Zxid } from "../core/types";

export type EpochLook = { fill: string; lip: string; pattern: "plain" | "hatch" | "cross" };

const FILLS = 6;
const PATTERNS = ["plain", "hatch", "cross"] as const;

export function epochLook(epoch: number): EpochLook {
  // Before the first epoch there is none: no colour of an epoch.
  if (epoch === 0) return { fill: "e0", lip: "lip-e0", pattern: "plain" };
  const turn = epoch - 1;
  const fill = `e${(turn % FILLS) + 1}`;
  return { fill, lip: `lip-${fill}`, pattern: PATTERNS[Math.floor(turn / FILLS) % PATTERNS.length] ?? "plain" };
}

/** `e5·2`, as zxids are written on the stage. */
export const zxidWords = (zxid: Zxid): string => `e${zxid.epoch}·${zxid.counter}`;
/** `5·2`, as on a tile, whose fill is the epoch's. */
export const tileWords = (zxid: Zxid): string => `${zxid.epoch}·${zxid.counter}`;
