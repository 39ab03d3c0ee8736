// How the core names those who talk: `s2` is server 2, everyone else is a client; and what they are called.
import type { Host, ServerFrame } from "../core/types";

export const serverHost = (sid: number): Host => `s${sid}`;

/** The number of a server, or null of a client. */
export const sidOf = (host: Host): number | null => (host.startsWith("s") ? Number(host.slice(1)) : null);

/** What a host is called: a Paxos process by its own name, all others as the core names them. */
export const called = (host: Host, servers: readonly ServerFrame[]): string =>
  servers.find(({ sid }) => serverHost(sid) === host)?.paxos?.name ?? host.toUpperCase();

/** How a line of a script names a server or a Paxos process. */
export const scriptName = ({ sid, paxos }: ServerFrame): string => paxos?.name ?? String(sid);

/** Whether a server, or a Paxos process, runs. */
export const isUp = ({ up, paxos }: ServerFrame): boolean => up !== null || (paxos?.up ?? null) !== null;
