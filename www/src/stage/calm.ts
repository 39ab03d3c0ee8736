// Where messages stand that do not move: one after the other beside their sender, half-way, beside their receiver. Those
// of a piece with many links stand so far out that they are clear of each other. A pure function of the layout.
import type { Host } from "../core/types";
import { serverHost } from "../model/hosts";
import { along, type Point } from "../pieces/board";
import { distance } from "./geometry";
import type { Layout } from "./layout";
import { trackBetween } from "./links";

/** From the edge of the piece, before it is asked whether there is room. */
const NEAREST = 30;
const STEP = 4;
/** No further than this share of the way: half-way comes after it. */
const FURTHEST = 0.34;
const LAST = 0.4;
/** Room for a tag beside a token, where there are tags. */
const TAG = 18;

const known = new WeakMap<Layout, Map<Host, Map<Host, number>>>();

/** The share of the way at which a message stands: near its sender, half-way, or near its receiver. */
export function calmShare(layout: Layout, from: Host, to: Host, progress: number): number {
  if (progress === 0.5) return 0.5;
  if (progress < 0.5) return stand(layout, from, to);
  // What arrives stands behind what leaves, so that the two do not lie side by side among the others.
  const track = trackBetween(layout, from, to);
  const long = track ? Math.max(1, distance(track.from, track.to)) : 1;
  return 1 - Math.min(LAST, stand(layout, to, from) + (2 * layout.s + 8) / long);
}

function stand(layout: Layout, host: Host, other: Host): number {
  let hosts = known.get(layout);
  if (!hosts) {
    hosts = new Map();
    known.set(layout, hosts);
  }
  let stands = hosts.get(host);
  if (!stands) {
    stands = standsOf(layout, host);
    hosts.set(host, stands);
  }
  return stands.get(other) ?? 0.12;
}

/** The shares for all links of one piece: the nearest at which none lies on another. */
function standsOf(layout: Layout, host: Host): Map<Host, number> {
  const others = [...layout.servers.map(({ sid }) => serverHost(sid)), ...layout.clients.map((client) => client.host)];
  const links = others.flatMap((other) => {
    const track = other === host ? null : trackBetween(layout, host, other);
    return track ? [{ other, track, long: Math.max(1, distance(track.from, track.to)) }] : [];
  });
  const apart = 2 * layout.s + (layout.small ? 5 : TAG);
  const longest = Math.max(0, ...links.map(({ long }) => long));
  let best = new Map<Host, number>();
  let bestRoom = -1;
  for (let out = NEAREST; out === NEAREST || out <= longest * FURTHEST; out += STEP) {
    const shares = links.map(({ other, long }) => [other, Math.min(FURTHEST, out / long)] as const);
    const places = links.map(({ track }, i) => along(track, shares[i]?.[1] ?? 0));
    const room = leastApart(places);
    if (room > bestRoom) {
      best = new Map(shares);
      bestRoom = room;
    }
    if (room >= apart) break;
  }
  return best;
}

function leastApart(places: Point[]): number {
  let least = Infinity;
  for (const [i, one] of places.entries()) for (const other of places.slice(i + 1)) least = Math.min(least, distance(one, other));
  return least;
}
