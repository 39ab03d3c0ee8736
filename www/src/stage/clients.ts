// Where clients stand: on the outer ring beside the server that each hangs on, leaning to the sides, clear of every
// piece and word, and so that their links cross as little as possible. Pure.
import type { Point } from "../pieces/board";
import type { Box } from "../pieces/marks";
import type { Layout, PlacedServer } from "./layout";
import { crosses, distance, inside, lengthInside, overlap } from "./geometry";

export type ClientSeat = { host: string; server: number | null };
export type PlacedClient = {
  host: string;
  x: number;
  y: number;
  scale: number;
  /** False if it had to be put where it overlaps something. */
  free: boolean;
};

const RIM = 24;
const APART = 58;
const GRID = 18;

/** The room that a pawn takes. */
export const clientBox = (at: Point, scale: number): Box =>
  ({ x: at.x - 22 * scale, y: at.y - 31 * scale, width: 44 * scale, height: 66 * scale });

function scales(layout: Layout): number[] {
  const roomy = layout.width >= 700 && layout.height >= 520 && layout.servers.length <= 5;
  return roomy ? [1, 0.85, 0.72, 0.6, 0.5] : [0.72, 0.6, 0.5];
}

export function placeClients(seats: ClientSeat[], layout: Layout, obstacles: Box[]): PlacedClient[] {
  if (!seats.length) return [];
  let last: PlacedClient[] = [];
  for (const scale of scales(layout)) {
    last = placeAll(seats, layout, obstacles, scale);
    if (last.every((one) => one.free)) return last;
  }
  return last;
}

/** Where a client would stand if it were alone. */
function ideal(seat: ClientSeat, nth: number, layout: Layout, scale: number): Point {
  const { middle, width, height, r, servers } = layout;
  const server = servers.find((one) => one.sid === seat.server);
  const clamp = (p: Point): Point => ({
    x: Math.max(RIM, Math.min(width - RIM, p.x)),
    y: Math.max(31 * scale + 8, Math.min(height - 35 * scale - 8, p.y)),
  });
  if (!server) return clamp({ x: width - RIM - nth * APART, y: height });
  const sector = Math.PI / Math.max(3, servers.length);
  const side = Math.sin(server.angle);
  const up = Math.cos(server.angle) > 0;
  // To the sides: clockwise on the upper right, counter-clockwise on the lower right, and so on.
  const first = Math.abs(side) < 0.1 ? 1 : side > 0 === up ? 1 : -1;
  const turn = first * (nth % 2 === 0 ? 1 : -1) * (1 + Math.floor(nth / 2) * 0.7);
  const angle = server.angle + turn * sector;
  return clamp({
    x: middle.x + (layout.rx + r + 62) * Math.sin(angle),
    y: middle.y - (layout.ry + r + 14) * Math.cos(angle),
  });
}

function placeAll(seats: ClientSeat[], layout: Layout, obstacles: Box[], scale: number): PlacedClient[] {
  const { width, height } = layout;
  const spots: Point[] = [];
  for (let y = 31 * scale + 8; y <= height - 35 * scale - 6; y += GRID) {
    for (let x = RIM; x <= width - RIM; x += GRID) {
      const box = clientBox({ x, y }, scale);
      if (inside(box, width, height, 2) && !obstacles.some((other) => overlap(other, box, 2))) spots.push({ x, y });
    }
  }
  const perServer = new Map<number | null, number>();
  const placed: PlacedClient[] = [];
  const links: { from: Point; to: Point }[] = [];
  // From top to bottom, so that the vertical order of the servers is that of their clients.
  const order = [...seats].sort((a, b) => height01(a, layout) - height01(b, layout) || seats.indexOf(a) - seats.indexOf(b));
  for (const seat of order) {
    const nth = perServer.get(seat.server) ?? 0;
    perServer.set(seat.server, nth + 1);
    const wish = ideal(seat, nth, layout, scale);
    const server = layout.servers.find((one) => one.sid === seat.server);
    let best: Point | null = null;
    let bestCost = Infinity;
    for (const spot of spots) {
      const near = distance(spot, wish);
      if (near >= bestCost) continue;
      const box = clientBox(spot, scale);
      if (placed.some((other) => overlap(clientBox(other, scale), box, 4))) continue;
      const cost = near + penalty(spot, server, layout, placed, links, obstacles);
      if (cost < bestCost) {
        bestCost = cost;
        best = spot;
      }
    }
    const at = best ?? wish;
    placed.push({ host: seat.host, x: at.x, y: at.y, scale, free: best !== null });
    if (server) links.push({ from: at, to: server });
  }
  return seats.flatMap((seat) => placed.find((one) => one.host === seat.host) ?? []);
}

function height01(seat: ClientSeat, layout: Layout): number {
  return layout.servers.find((one) => one.sid === seat.server)?.y ?? layout.height;
}

function penalty(
  spot: Point, server: PlacedServer | undefined, layout: Layout, placed: PlacedClient[],
  links: { from: Point; to: Point }[], obstacles: Box[],
): number {
  const { middle, rx, ry, r } = layout;
  let cost = 0;
  const ring = ((spot.x - middle.x) / (rx + r)) ** 2 + ((spot.y - middle.y) / (ry + r)) ** 2;
  if (ring < 1) cost += 300 * (1.2 - ring);
  for (const other of placed) {
    const apart = distance(spot, other);
    if (apart < APART) cost += (APART - apart) * 2;
  }
  if (!server) return cost;
  // A client right beside its server would have no link to see.
  const long = distance(spot, server) - r;
  if (long < 52) cost += (52 - long) * 5;
  for (const link of links) if (crosses(spot, server, link.from, link.to)) cost += 160;
  for (const one of layout.servers) {
    if (one.sid !== server.sid) {
      const box = { x: one.x - r, y: one.y - r, width: 2 * r, height: 2 * r };
      cost += lengthInside(spot, server, box) * 8;
    }
  }
  for (const box of obstacles) cost += lengthInside(spot, server, box) * (box.height < 70 && box.width > 30 ? 0.9 : 0);
  for (const other of placed) cost += lengthInside(spot, server, clientBox(other, other.scale)) * 6;
  return cost;
}
