// A server as a piece, around its own middle: one shape for each role, a lip and a shadow while it is up, a hole in the
// board while it is down. Its words are not part of it. It shows what the core says and decides nothing.
import type { Role } from "../core/types";
import {
  arc, box, CROSS, CROWN, CROWN_BALLS, disc, ellipse, hatchDisc, hexagon, HOURGLASS, LINES, square, type Shape,
} from "./outlines";
import { at, type Mark, type Piece } from "./marks";

export type ServerLook = Role | "Down";
export type PieceState = "rest" | "hover" | "pressed" | "selected";
export type ServerOptions = {
  sid: number;
  role: ServerLook;
  r: number;
  state?: PieceState;
};

type Face = { shape: Shape; fill: string; lip: string; ink: string };

export const FACES: Record<Exclude<ServerLook, "Down" | "Halted">, Face> = {
  Settling: { shape: "disc", fill: "surface", lip: "hair", ink: "muted" },
  Looking: { shape: "disc", fill: "surface", lip: "lip-looking", ink: "text" },
  Following: { shape: "disc", fill: "following", lip: "lip-following", ink: "face-following" },
  Leading: { shape: "hexagon", fill: "leading", lip: "lip-leading", ink: "face-leading" },
  Observing: { shape: "square", fill: "observing", lip: "lip-observing", ink: "face-observing" },
  Standalone: { shape: "disc", fill: "surface", lip: "line", ink: "text" },
};

/** Small pieces have a smaller lip. */
export const lipOf = (r: number): number => (r < 30 ? 5 : 7);

/** The distance of the timer's arc, which is further out round a leader. */
export const timerRadius = (r: number, role: ServerLook): number => r + (role === "Leading" ? 10 : 8);

function outline(shape: Shape, r: number): string {
  if (shape === "disc") return disc(r);
  return shape === "square" ? square(1.84 * r, 13 * (r / 36)) : hexagon(r - 1);
}

/** The face and what lies under it. The hexagon's corners are rounded by its own stroke. */
function solid(shape: Shape, r: number, ink: string, dy: number): Mark {
  const rounded = shape === "hexagon" ? { stroke: ink, width: 10, join: "round" as const } : {};
  return { d: outline(shape, r), fill: ink, dy, ...rounded };
}

export function server(options: ServerOptions): Piece {
  const { sid, role, r, state = "rest" } = options;
  const marks: Mark[] = [];
  if (state === "selected") marks.push(selection(r));
  if (role === "Down" || role === "Halted") marks.push(...hole(sid, r, role));
  else marks.push(...standing(sid, r, FACES[role], role, state));
  const reach = r + 16;
  return { marks, box: { x: -reach, y: -reach - 12, width: 2 * reach, height: 2 * reach + 14 } };
}

/** The ring round what is selected. */
export const selection = (r: number): Mark => ({ d: disc(r + 13), stroke: "ring", width: 3, dy: 2 });

function standing(sid: number, r: number, face: Face, role: ServerLook, state: PieceState): Mark[] {
  const lip = lipOf(r);
  const rise = state === "hover" ? -4 : state === "pressed" ? lip - 1 : 0;
  const marks: Mark[] = [];
  if (state === "hover") marks.push({ d: disc(r + 10), stroke: "line", width: 2 });
  marks.push({ d: ellipse(1.02 * r, 0.96 * r), fill: "shadow", dy: lip + 4 });
  marks.push(solid(face.shape, r, face.lip, state === "pressed" ? lip : lip + rise), solid(face.shape, r, face.fill, rise));
  marks.push(...trim(role, face, r, rise));
  if (role === "Leading") marks.push(at(0, -(r + 4) + rise, crown(), { scale: r / 40 }));
  marks.push(number(sid, r, face.ink, rise));
  return marks;
}

/** What is drawn on a face besides its number. */
export function trim(role: ServerLook, face: Face, r: number, dy: number): Mark[] {
  switch (role) {
    case "Looking":
      return [{ d: disc(r - 3), stroke: "looking", width: 6, dash: `${(0.47 * r).toFixed(1)} ${(0.26 * r).toFixed(1)}`, dy }];
    case "Settling":
      return [{ d: disc(r - 2), stroke: "line", width: 2.5, dash: "1 6", cap: "round", dy }];
    case "Standalone":
      return [{ d: disc(r - 3), stroke: "text", width: 6, dy }];
    case "Following":
      return [{ d: disc(r - 5), stroke: face.ink, strokeAlpha: 0.4, width: 2, dy }];
    case "Leading":
      return [{ d: hexagon(r - 6), stroke: face.ink, strokeAlpha: 0.45, width: 2, join: "round", dy }];
    default:
      return [];
  }
}

export const crown = (): Mark[] => [
  { d: CROWN, fill: "surface", stroke: "leading", width: 3.2, join: "round" },
  ...CROWN_BALLS.map((ball): Mark => ({ d: disc(ball.r), fill: "leading", dx: ball.x, dy: ball.y })),
];

export const number = (sid: number, r: number, fill: string, dy: number): Mark => {
  const size = 0.78 * r * (sid > 99 ? 0.62 : sid > 9 ? 0.82 : 1);
  return { text: String(sid), x: 0, y: 0.36 * size + dy, size, weight: 800, anchor: "middle", fill };
};

/** Down is a hole; halted is a hole as well, with a bang: the process stopped by itself. */
export function hole(sid: number, r: number, role: "Down" | "Halted"): Mark[] {
  const marks: Mark[] = [];
  const edge = role === "Down" ? "down" : "danger";
  const spot = 0.52 * r;
  marks.push(
    { d: disc(r), fill: "holec" },
    { d: hatchDisc(r, 9), stroke: "down", strokeAlpha: 0.55, width: 3.2 },
    { d: `M${-r} 0 A${r} ${r} 0 0 1 ${r} 0`, stroke: "shadow2", width: 4 },
    { d: disc(r), stroke: edge, width: 2.5 },
    { d: disc(spot), fill: "holec" },
  );
  const size = 0.66 * r * (sid > 9 ? 0.82 : 1);
  marks.push({ text: String(sid), x: 0, y: 0.36 * size, size, weight: 800, anchor: "middle", fill: "muted" });
  const badge = r < 30 ? 9.5 : 12;
  marks.push(at(0.72 * r, -0.72 * r, [
    { d: disc(badge), fill: "surface", stroke: edge, width: 2 },
    role === "Down"
      ? at(0, 0, [{ d: CROSS, stroke: "text", width: 2.6, cap: "round" }], { scale: badge / 12 })
      : { d: "M0 -5 V1 M0 5 V5.1", stroke: "danger", width: 3, cap: "round" },
  ]));
  return marks;
}

/** The arc of the next timer: `share` of its time is over. */
export function timer(r: number, role: ServerLook, share: number): Mark[] {
  const radius = timerRadius(r, role);
  return [
    { d: disc(radius), stroke: "groove", width: 3.5, dy: 1 },
    { d: arc(radius, share), stroke: "muted", width: 3.5, cap: "round", dy: 1 },
  ];
}

/** What the disk does, at the lower right: three lines when all is on it, an hour-glass while it writes. */
export function diskBadge(r: number, disk: "idle" | "writing" | "unsynced" | "failed"): Mark {
  const inside: Mark =
    disk === "idle" ? { d: LINES, stroke: "text", width: 1.8, cap: "round" }
    : disk === "writing" ? { d: HOURGLASS, fill: "text" }
    : disk === "unsynced" ? { d: LINES, stroke: "text", width: 1.8, cap: "butt", dash: "2 2.2" }
    : { d: "M0 -5 V1 M0 5 V5.1", stroke: "danger", width: 2.6, cap: "round" };
  return at(0.78 * r, 0.74 * r, [
    { d: box(-11, -10, 22, 20, 6), fill: "surface", stroke: disk === "failed" ? "danger" : "line", width: 1.5 },
    inside,
  ]);
}
