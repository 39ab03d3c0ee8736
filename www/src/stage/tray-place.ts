// Where the tally tray lies: in the largest free place in the middle, clear of pieces and words, over as little of the
// grooves in use as can be. Pure.
import type { Point, Track } from "../pieces/board";
import type { Box } from "../pieces/marks";
import { clientBox } from "./clients";
import { distance, grown, lengthInside, overlap } from "./geometry";
import { pieceBox, type Layout } from "./layout";

const CLEAR = 6;
const STEP = 8;
/** How far out its middle may lie: the middle of the ring belongs to it. */
const INSIDE = 0.5;

/** The upper left corner of a tray of this size and how much of the tracks it covers; null if no place is clear of the pieces. */
export function placeTray(
  layout: Layout, size: { width: number; height: number }, tracks: Track[],
): (Point & { covered: number }) | null {
  const taken: Box[] = [
    ...layout.servers.map((one) => grown(pieceBox(one, layout.r), CLEAR)),
    ...layout.servers.flatMap((one) => (one.label ? [grown(one.label.box, CLEAR)] : [])),
    ...layout.clients.map((one) => grown(clientBox(one, one.scale), CLEAR)),
  ];
  let best: (Point & { covered: number }) | null = null;
  let bestCost = Infinity;
  const { middle } = layout;
  for (let y = 8; y + size.height <= layout.height - 12; y += STEP) {
    for (let x = 8; x + size.width <= layout.width - 8; x += STEP) {
      const box = { x, y, ...size };
      const centre = { x: x + size.width / 2, y: y + size.height / 2 };
      const away = distance(centre, middle);
      if (away >= bestCost) continue;
      const ring = ((centre.x - middle.x) / (layout.rx + 1)) ** 2 + ((centre.y - middle.y) / (layout.ry + 1)) ** 2;
      if (layout.servers.length > 2 && ring > INSIDE) continue;
      if (taken.some((other) => overlap(other, box))) continue;
      const wide = grown(box, 4);
      let covered = 0;
      for (const track of tracks) covered += lengthInside(track.from, track.to, wide);
      const cost = away + covered * 3;
      if (cost < bestCost) {
        bestCost = cost;
        best = { x, y, covered };
      }
    }
  }
  return best;
}
