// A server between two roles: its outline turns from one shape into the other while the lip stays, a crown comes down at
// the end, and who stops sinks into a hole. `fresh` runs from 0 (just now) to 1 (done).
import { at, fix, type Mark } from "./marks";
import { disc, ellipse, type Shape } from "./outlines";
import { crown, FACES, hole, lipOf, number, type ServerLook, trim } from "./server";

const POINTS = 72;
/** Of the whole change: how long a piece takes to sink, and when a crown begins to come down. */
const SINKS = 2 / 3;
const CROWNED = 2 / 3;
/** How far a crown comes down, at r = 40. */
const DROP = 14;

/** How far out an outline is in a direction, 0 = up. */
function reach(shape: Shape, r: number, angle: number): number {
  if (shape === "disc") return r;
  if (shape === "square") {
    const side = (0.92 * r) / Math.max(Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle)));
    return Math.min(side, 0.92 * r * Math.SQRT2 - 5.4 * (r / 36));
  }
  const sixth = Math.PI / 3;
  const off = ((((angle % sixth) + sixth) % sixth) - sixth / 2);
  return Math.min(((r - 1) * Math.cos(sixth / 2) + 5) / Math.cos(off), r + 3.2);
}

/** An outline between two shapes. */
export function between(a: Shape, b: Shape, share: number, r: number): string {
  const points = Array.from({ length: POINTS }, (_, i) => {
    const angle = (i * 2 * Math.PI) / POINTS;
    const out = reach(a, r, angle) * (1 - share) + reach(b, r, angle) * share;
    return `${fix(out * Math.sin(angle))} ${fix(-out * Math.cos(angle))}`;
  });
  return `M${points.join(" L")} Z`;
}

/** Quick at first, slow at the end. */
const eased = (share: number): number => 1 - (1 - share) ** 3;

type Standing = Exclude<ServerLook, "Down" | "Halted">;
const stands = (look: ServerLook): look is Standing => look !== "Down" && look !== "Halted";

export function changing(sid: number, r: number, from: ServerLook, to: ServerLook, fresh: number): Mark[] {
  const pulse: Mark = { d: disc(r + 6 + 9 * fresh), stroke: "muted", width: 3, strokeAlpha: 2 * fresh * (1 - fresh), dy: 1 };
  if (!stands(from) || !stands(to)) return [pulse, ...sinking(sid, r, from, to, fresh)];
  const share = eased(fresh);
  const lip = lipOf(r);
  const d = between(FACES[from].shape, FACES[to].shape, share, r);
  const marks: Mark[] = [
    pulse, { d: ellipse(1.02 * r, 0.96 * r), fill: "shadow", dy: lip + 4 },
    { d, fill: FACES[from].lip, dy: lip }, { d, fill: FACES[to].lip, fillAlpha: share, dy: lip },
    { d, fill: FACES[from].fill }, { d, fill: FACES[to].fill, fillAlpha: share },
    at(0, 0, trim(from, FACES[from], r, 0), { alpha: 1 - share }), at(0, 0, trim(to, FACES[to], r, 0), { alpha: share }),
    at(0, 0, [number(sid, r, FACES[from].ink, 0)], { alpha: 1 - share }), at(0, 0, [number(sid, r, FACES[to].ink, 0)], { alpha: share }),
  ];
  const down = Math.max(0, (fresh - CROWNED) / (1 - CROWNED));
  if (to === "Leading" && down > 0) {
    marks.push(at(0, -(r + 4) - (DROP * r * (1 - down)) / 40, crown(), { scale: r / 40, alpha: down }));
  }
  return marks;
}

/** Into a hole, or out of it. */
function sinking(sid: number, r: number, from: ServerLook, to: ServerLook, fresh: number): Mark[] {
  const falls = stands(from);
  const share = Math.min(1, fresh / SINKS);
  const look = stands(from) ? from : stands(to) ? to : null;
  const dark = stands(to) ? from : to;
  if (!look || stands(dark)) return hole(sid, r, to === "Halted" ? "Halted" : "Down");
  const above = falls ? 1 - share : share;
  const lip = lipOf(r) * above;
  const face = FACES[look];
  const d = between(face.shape, face.shape, 0, r);
  const sunk = lipOf(r) - lip;
  return [
    at(0, 0, hole(sid, r, dark), { alpha: 1 - above }),
    at(0, 0, [
      { d, fill: face.lip, dy: sunk + lip }, { d, fill: face.fill, dy: sunk }, ...trim(look, face, r, sunk), number(sid, r, face.ink, sunk),
    ], { alpha: above }),
  ];
}
