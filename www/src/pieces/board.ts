// What lies on the board between the pieces: grooves, the spot, walls.
import { box, CHEVRON } from "./outlines";
import { at, fix, type Mark } from "./marks";

export type Point = { x: number; y: number };
/** A track from `from` to `to`; bent if `via` pulls it aside (a quadratic curve's control point). */
export type Track = { from: Point; to: Point; via?: Point };

export const trackPath = ({ from, to, via }: Track): string =>
  via
    ? `M${fix(from.x)} ${fix(from.y)} Q${fix(via.x)} ${fix(via.y)} ${fix(to.x)} ${fix(to.y)}`
    : `M${fix(from.x)} ${fix(from.y)} L${fix(to.x)} ${fix(to.y)}`;

/** The point and the direction (degrees) at a share of the way. */
export function along({ from, to, via }: Track, share: number): Point & { angle: number } {
  if (!via) {
    return {
      x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share,
      angle: (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI,
    };
  }
  const u = 1 - share;
  const dx = u * (via.x - from.x) + share * (to.x - via.x);
  const dy = u * (via.y - from.y) + share * (to.y - via.y);
  return {
    x: u * u * from.x + 2 * u * share * via.x + share * share * to.x,
    y: u * u * from.y + 2 * u * share * via.y + share * share * to.y,
    angle: (Math.atan2(dy, dx) * 180) / Math.PI,
  };
}

export const groove = (track: Track, width: number): Mark => ({ d: trackPath(track), stroke: "groove", width, cap: "round" });
export const spotLane = (track: Track, grooveWidth: number): Mark =>
  ({ d: trackPath(track), stroke: "spot", width: grooveWidth + 26, cap: "round" });

const CHEVRON_EVERY = 46;

/** Chevrons in the direction of use. */
export function chevrons(track: Track): Mark[] {
  const length = Math.hypot(track.to.x - track.from.x, track.to.y - track.from.y);
  const count = Math.round(length / CHEVRON_EVERY);
  const marks: Mark[] = [];
  for (let i = 1; i <= count; i++) {
    const place = along(track, i / (count + 1));
    marks.push({
      d: CHEVRON, stroke: "chevron", strokeAlpha: 0.85, width: 1.6, cap: "round", join: "round",
      dx: place.x, dy: place.y, turn: place.angle,
    });
  }
  return marks;
}

export const MORTAR = 26;
const BRICK = 26;
const ROW = 10.5;

/** A wall from one point to another; `built` of its bricks are there already. */
export function wall(from: Point, to: Point, built = 1): Mark {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const angle = (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI;
  const long = length * Math.max(0, Math.min(1, built));
  // The upper row is the one that the light falls on: that of the side which looks up.
  const flip = Math.abs(angle) > 90 ? -1 : 1;
  const marks: Mark[] = [
    { d: box(-4, -12, long + 8, 30, 6), fill: "shadow", dx: 3, dy: 6 * flip },
    { d: box(0, -MORTAR / 2, long, MORTAR, 5), fill: "stone-lo" },
  ];
  const row = (y: number, offset: number, fill: string): void => {
    for (let x = 1 - offset; x < long - 1; x += BRICK) {
      const left = Math.max(1, x);
      const right = Math.min(long - 1, x + BRICK - 2);
      if (right - left >= 2) marks.push({ d: box(left, y, right - left, ROW, 2.5), fill });
    }
  };
  row(-11.5, 0, flip > 0 ? "stone-hi" : "stone");
  row(1, BRICK / 2, flip > 0 ? "stone" : "stone-hi");
  return at(from.x, from.y, marks, { turn: angle });
}
