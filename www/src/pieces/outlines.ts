// The outline of every piece as a path string around its own centre: the one place where a shape is written down.
// No colours, no states.
import { fix } from "./marks";

const p = (x: number, y: number): string => `${fix(x)} ${fix(y)}`;

export const disc = (r: number): string => `M${p(-r, 0)} A${p(r, r)} 0 1 1 ${p(r, 0)} A${p(r, r)} 0 1 1 ${p(-r, 0)} Z`;

export const ellipse = (rx: number, ry: number): string =>
  `M${p(-rx, 0)} A${p(rx, ry)} 0 1 1 ${p(rx, 0)} A${p(rx, ry)} 0 1 1 ${p(-rx, 0)} Z`;

/** A rounded rectangle with its upper left corner at (x, y). */
export function box(x: number, y: number, width: number, height: number, corner: number): string {
  const c = Math.max(0, Math.min(corner, width / 2, height / 2));
  const a = `A${p(c, c)} 0 0 1`;
  return `M${p(x + c, y)} H${fix(x + width - c)} ${a} ${p(x + width, y + c)} V${fix(y + height - c)} ${a} ` +
    `${p(x + width - c, y + height)} H${fix(x + c)} ${a} ${p(x, y + height - c)} V${fix(y + c)} ${a} ${p(x + c, y)} Z`;
}

export const square = (side: number, corner: number): string => box(-side / 2, -side / 2, side, side, corner);

/** Pointy-top hexagon; its corners are rounded by a stroke with round joins. */
export function hexagon(radius: number): string {
  const corners = [0, 1, 2, 3, 4, 5].map((k) => {
    const a = (k * Math.PI) / 3;
    return p(radius * Math.sin(a), -radius * Math.cos(a));
  });
  return `M${corners.join(" L")} Z`;
}

export const CROWN = "M-17 2 L-19 -12 L-9 -5 L0 -17 L9 -5 L19 -12 L17 2 Z";
export const CROWN_BALLS: readonly { x: number; y: number; r: number }[] = [
  { x: 0, y: -17, r: 3 }, { x: -19, y: -12, r: 2.6 }, { x: 19, y: -12, r: 2.6 },
];

export const PAWN_BODY = "M-20 20 C-20 8 -9 4 -8 -6 H8 C9 4 20 8 20 20 Q20 25 14 25 H-14 Q-20 25 -20 20 Z";
export const BELL = "M-5 3 C-3.6 1.5 -3.8 -1 -3.6 -2.4 C-3.2 -5 -1.6 -6 0 -6 C1.6 -6 3.2 -5 3.6 -2.4 C3.8 -1 3.6 1.5 5 3 Z";

export const CROSS = "M-4 -4 L4 4 M4 -4 L-4 4";
export const PAUSE = "M-2.6 -3.6 V3.6 M2.6 -3.6 V3.6";
export const LINES = "M-5 -3.5 H5 M-5 0 H5 M-5 3.5 H5";
export const HOURGLASS = "M-3.4 -4.5 H3.4 L0 0 L3.4 4.5 H-3.4 L0 0 Z";
export const TICK = "M-4.5 .5 L-1.2 3.8 L4.8 -3.6";
export const TICK_SHORT = "M-4.5 .5 L-1.2 3.8";
export const TICK_LONG = "M-1.2 3.8 L4.8 -3.6";
export const CHEVRON = "M-2.5 -3.2 L1.5 0 L-2.5 3.2";

/** Points right; rounded by a stroke with round joins. */
export const triangle = (s: number): string =>
  `M${p(1.05 * s, 0)} L${p(-0.76 * s, 0.95 * s)} L${p(-0.76 * s, -0.95 * s)} Z`;

/** A disc with a V notch at the top: the packets of Paxos. */
export function notched(s: number): string {
  const half = 0.34 * s;
  const edge = -Math.sqrt(s * s - half * half);
  return `M${p(-half, edge)} L${p(0, edge + 0.44 * s)} L${p(half, edge)} A${p(s, s)} 0 1 1 ${p(-half, edge)} Z`;
}

/** A proposer: it points right. */
export const PENTAGON = "M-36 -30 H14 L40 0 L14 30 H-36 Z";
/** A learner: an open book. */
export const BOOK = "M0 -24 C-8 -32 -26 -32 -35 -28 V26 C-26 22 -8 23 0 30 C8 23 26 22 35 26 V-28 C26 -32 8 -32 0 -24 Z";

/** The two parts of a disc split by a zigzag. */
export const brokenLeft = (s: number): string =>
  `M3 ${fix(0.95 * s)} A${p(s, s)} 0 1 1 4 ${fix(-0.93 * s)} L7 ${fix(-0.45 * s)} L2 ${fix(-0.05 * s)} L7 ${fix(0.4 * s)} Z`;
export const brokenRight = (s: number): string =>
  `M4 ${fix(-0.93 * s)} A${p(s, s)} 0 0 1 3 ${fix(0.95 * s)} L7 ${fix(0.4 * s)} L2 ${fix(-0.05 * s)} L7 ${fix(-0.45 * s)} Z`;

/** Paper with a dog-ear, 34 by 26. */
export const PAPER = "M-13 -13 H9 L17 -5 V9 Q17 13 13 13 H-13 Q-17 13 -17 9 V-9 Q-17 -13 -13 -13 Z";
export const DOG_EAR = "M9 -13 V-5 H17 Z";

/** A rectangle whose right edge is torn into five teeth. */
export function torn(width: number, height: number, corner: number): string {
  const c = corner;
  const tooth = Math.min(12, height * 0.2);
  const x = (share: number): number => width - tooth * share;
  const y = (share: number): number => height * share;
  return `M${p(c, 0)} H${fix(x(1))} L${p(x(0.4), y(0.17))} L${p(x(1.15), y(0.36))} L${p(x(0.3), y(0.55))} ` +
    `L${p(x(1.05), y(0.76))} L${p(x(0.55), height)} H${fix(c)} Q0 ${fix(height)} 0 ${fix(height - c)} V${fix(c)} Q0 0 ${p(c, 0)} Z`;
}

/** The shade along the upper edge of a slot that lies at the origin. */
export const slotEdge = (width: number, corner: number): string =>
  `M2 ${fix(corner)} Q2 2 ${p(corner, 2)} H${fix(width - corner)} Q${p(width - 2, 2)} ${p(width - 2, corner)}`;

/** Lines at 45 degrees across a disc around the origin, `step` apart; to be stroked. */
export function hatchDisc(r: number, step: number): string {
  const out: string[] = [];
  for (let off = -Math.floor(r / step) * step; off < r; off += step) {
    const half = Math.sqrt(Math.max(0, r * r - off * off));
    if (half < 1) continue;
    // The line's middle lies at off * (1, 1) / sqrt 2, its direction is (-1, 1) / sqrt 2.
    const m = off * Math.SQRT1_2;
    const h = half * Math.SQRT1_2;
    out.push(`M${p(m - h, m + h)} L${p(m + h, m - h)}`);
  }
  return out.join(" ");
}

/** Lines at 45 degrees across a rectangle at the origin, held clear of its round corners; to be stroked. */
export function hatchBox(width: number, height: number, corner: number, step: number, falling = false): string {
  const out: string[] = [];
  const gap = step * Math.SQRT2;
  const cut = corner * 0.6;
  for (let sum = gap * 0.75; sum < width + height; sum += gap) {
    // Points of the line x + y = sum inside the rectangle.
    let x0 = Math.max(0, sum - height);
    let x1 = Math.min(width, sum);
    // Where an end lies in a corner, it stays inside the rounding.
    if (x0 < cut && sum - x0 > height - cut) x0 = Math.max(x0, sum - height + (cut - x0) * 0.6);
    if (x1 > width - cut && sum - x1 < cut) x1 = Math.min(x1, sum - (cut - (sum - x1)) * 0.6);
    if (sum < cut * 1.1 || sum > width + height - cut * 1.1 || x1 - x0 < 1) continue;
    const mirror = (x: number): number => (falling ? width - x : x);
    out.push(`M${p(mirror(x0), sum - x0)} L${p(mirror(x1), sum - x1)}`);
  }
  return out.join(" ");
}

/** A part of a circle from the top clockwise, `share` of the whole. */
export function arc(r: number, share: number): string {
  const part = Math.max(0, Math.min(1, share));
  if (part >= 0.9999) return disc(r);
  const a = part * 2 * Math.PI;
  return `M0 ${fix(-r)} A${p(r, r)} 0 ${part > 0.5 ? 1 : 0} 1 ${p(r * Math.sin(a), -r * Math.cos(a))}`;
}

export type Shape = "disc" | "hexagon" | "square";
