// Boxes, segments and distances on the board. Pure; knows no pieces.
import type { Box } from "../pieces/marks";
import type { Point } from "../pieces/board";

export const overlap = (a: Box, b: Box, gap = 0): boolean =>
  a.x < b.x + b.width + gap && b.x < a.x + a.width + gap && a.y < b.y + b.height + gap && b.y < a.y + a.height + gap;

export const inside = (a: Box, width: number, height: number, margin: number): boolean =>
  a.x >= margin && a.y >= margin && a.x + a.width <= width - margin && a.y + a.height <= height - margin;

export const around = (c: Point, half: number): Box => ({ x: c.x - half, y: c.y - half, width: 2 * half, height: 2 * half });

export const grown = (b: Box, by: number): Box => ({ x: b.x - by, y: b.y - by, width: b.width + 2 * by, height: b.height + 2 * by });

export const moved = (b: Box, by: Point): Box => ({ ...b, x: b.x + by.x, y: b.y + by.y });

export const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

/** From a point to the nearest one of a segment. */
export function toSegment(p: Point, a: Point, b: Point): { distance: number; share: number } {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length2 = dx * dx + dy * dy;
  const share = length2 === 0 ? 0 : Math.max(0, Math.min(1, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length2));
  return { distance: Math.hypot(p.x - a.x - share * dx, p.y - a.y - share * dy), share };
}

/** How far a box is from a point. */
export function toBox(p: Point, b: Box): number {
  const dx = Math.max(b.x - p.x, 0, p.x - b.x - b.width);
  const dy = Math.max(b.y - p.y, 0, p.y - b.y - b.height);
  return Math.hypot(dx, dy);
}

export const inBox = (p: Point, b: Box): boolean => toBox(p, b) === 0;

/** The length of the part of a segment that lies inside a box. */
export function lengthInside(a: Point, b: Point, box: Box): number {
  let from = 0;
  let to = 1;
  const clip = (start: number, delta: number, low: number, high: number): boolean => {
    if (delta === 0) return start >= low && start <= high;
    const s = (low - start) / delta;
    const e = (high - start) / delta;
    from = Math.max(from, Math.min(s, e));
    to = Math.min(to, Math.max(s, e));
    return from < to;
  };
  const hit = clip(a.x, b.x - a.x, box.x, box.x + box.width) && clip(a.y, b.y - a.y, box.y, box.y + box.height);
  return hit ? (to - from) * distance(a, b) : 0;
}

/** Whether two segments cross between their ends. */
export function crosses(a: Point, b: Point, c: Point, d: Point): boolean {
  const side = (p: Point, q: Point, r: Point): number => (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

/** Where the line from a to b meets that from c to d, as a share of a to b; null if it does not between the ends. */
export function meeting(a: Point, b: Point, c: Point, d: Point): number | null {
  const rx = b.x - a.x;
  const ry = b.y - a.y;
  const sx = d.x - c.x;
  const sy = d.y - c.y;
  const cross = rx * sy - ry * sx;
  if (cross === 0) return null;
  const t = ((c.x - a.x) * sy - (c.y - a.y) * sx) / cross;
  const u = ((c.x - a.x) * ry - (c.y - a.y) * rx) / cross;
  return t >= 0 && t <= 1 && u >= 0 && u <= 1 ? t : null;
}
