// How the core names those who talk: `s2` is server 2, everyone else is a client.
import type { Host } from "../core/types";

export const serverHost = (sid: number): Host => `s${sid}`;

/** The number of a server, or null of a client. */
export const sidOf = (host: Host): number | null => (host.startsWith("s") ? Number(host.slice(1)) : null);
