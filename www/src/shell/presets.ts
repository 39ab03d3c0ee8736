// A new ensemble as the text of a script: the one place that knows which lines a choice becomes.
// Grammar: docs/formats.md, section 1. What the lines mean is the core's affair.

/** How an ensemble begins. */
export const PRESETS = ["together", "late", "down"] as const;
export type Preset = (typeof PRESETS)[number];

export const SERVERS = [1, 3, 4, 5, 6, 7] as const;
export const CLIENTS_MAX = 3;
/** The algorithms that elect, as `electionAlg`; the last is what ZooKeeper has kept. */
export const ELECTIONS = [0, 1, 2, 3] as const;
export type Election = (typeof ELECTIONS)[number];

export type Choice = {
  servers: number;
  /** The last server does not vote. */
  observer: boolean;
  /** Servers may join, leave and change their role. */
  reconfig: boolean;
  election: Election;
  clients: number;
  /** Of a message, in milliseconds. */
  delay: number;
  /** Of a disk's sync, in milliseconds. */
  sync: number;
  seed: number;
  preset: Preset;
};

export const DEFAULT: Choice = {
  servers: 3, observer: false, reconfig: false, election: 3, clients: 1, delay: 10, sync: 1, seed: 1, preset: "together",
};

/** The bounds of the numbers that are typed. */
export const BOUNDS = {
  delay: { min: 1, max: 10_000 },
  sync: { min: 1, max: 10_000 },
  seed: { min: 0, max: 4_294_967_295 },
} as const;

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `c${index + 1}`);

/** The lines of the start. */
export const scriptOf = (choice: Choice): string => [
  "zablab script 1",
  `given servers ${choice.servers}`,
  ...(choice.observer && choice.servers > 1 ? [`given observers ${choice.servers}`] : []),
  ...(choice.election === DEFAULT.election ? [] : [`given election-alg ${choice.election}`]),
  ...(choice.reconfig ? ["given reconfig on", "given skip-acl on"] : []),
  `given seed ${choice.seed}`,
  `given delay ${choice.delay}ms`,
  `given sync-time ${choice.sync}ms`,
  ...(choice.clients > 0 ? [`given clients ${names(choice.clients).join(" ")}`] : []),
  "",
].join("\n");

/** What is done at once: the servers that start, and clients that then try all of them. */
export const actsOf = ({ preset, servers, clients }: Choice): string[] => {
  if (preset === "down") return [];
  const starting = preset === "late" && servers > 1 ? `1..${servers - 1}` : "all";
  const all = Array.from({ length: servers }, (_, index) => index + 1);
  // Each client begins with another server, and tries the others in their order.
  const connects = names(clients).map((name, index) => {
    const first = index % servers;
    return `${name}: connect ${[...all.slice(first), ...all.slice(0, first)].join(",")}`;
  });
  return [`start ${starting}`, ...connects];
};
