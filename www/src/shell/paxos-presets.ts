// A new run of Paxos as the text of a script, as presets.ts does it for servers. Grammar: docs/formats.md, section 1.

/** How it begins. */
export const PAXOS_PRESETS = ["one", "two", "walls", "quiet"] as const;
export type PaxosPreset = (typeof PAXOS_PRESETS)[number];

export const ACCEPTORS = [1, 3, 4, 5, 7] as const;
export const PROPOSERS_MAX = 3;
export const LEARNERS_MAX = 2;

export type PaxosChoice = {
  /** Every process does all of it, and there are no others. */
  peers: boolean;
  acceptors: number;
  proposers: number;
  learners: number;
  /** Of a message, in milliseconds. */
  delay: number;
  /** Of a disk's sync, in milliseconds. */
  sync: number;
  seed: number;
  preset: PaxosPreset;
};

export const PAXOS_DEFAULT: PaxosChoice = {
  peers: false, acceptors: 3, proposers: 2, learners: 1, delay: 10, sync: 1, seed: 1, preset: "one",
};

/** Whether there are enough processes for it. */
export const fits = (preset: PaxosPreset, { peers, acceptors, proposers }: PaxosChoice): boolean => {
  if (preset === "two") return (peers ? acceptors : proposers) >= 2;
  return preset !== "walls" || (!peers && proposers >= 2 && acceptors >= 3);
};

/** The lines of the start. */
export const paxosScript = (choice: PaxosChoice): string => [
  "zablab script 1",
  ...(choice.peers ? [`given paxos peers ${choice.acceptors}`] : [
    `given paxos acceptors ${choice.acceptors}`,
    `given paxos proposers ${choice.proposers}`,
    ...(choice.learners > 0 ? [`given paxos learners ${choice.learners}`] : []),
  ]),
  `given seed ${choice.seed}`,
  `given delay ${choice.delay}ms`,
  `given sync-time ${choice.sync}ms`,
  "",
].join("\n");

/** What is done at once: who proposes, and what is cut before. */
export const paxosActs = (choice: PaxosChoice): string[] => {
  const [first, second] = choice.peers ? ["A1", "A2"] : ["P1", "P2"];
  const preset = fits(choice.preset, choice) ? choice.preset : "one";
  switch (preset) {
    case "one": return [`${first}: propose "v1"`];
    case "two": return [`${first}: propose "v1"`, `${second}: propose "v2"`];
    // Each of the two reaches a majority, and no two majorities are the same.
    case "walls": return [`cut P2 from A${choice.acceptors}`, "cut P1 from A1", "P2: prepare 1 \"v1\""];
    case "quiet": return [];
  }
};
