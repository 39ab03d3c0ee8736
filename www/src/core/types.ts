// The messages between the page and the worker that holds the core: docs/formats.md, section 3.

/** A server's number. */
export type Sid = number;
/** `s3` a server, `c1` a client. */
export type Host = string;
export type Zxid = { epoch: number; counter: number };
/** 64 bits as `0x` and hex digits. */
export type Hex = string;

export type Role =
  | "Settling" | "Looking" | "Following" | "Leading" | "Observing" | "Standalone" | "Halted";
export type Phase = "Election" | "Discovery" | "Synchronization" | "Broadcast";
export type Vote = { leader: Sid; zxid: Zxid; election_epoch: Hex; peer_epoch: number };
export type Epochs = { accepted: number; current: number };

/** One event in full: docs/formats.md, section 4. Which fields there are depends on `event`. */
export type TraceLine = {
  seq: number; at_us: number; host?: Host; event: string; [field: string]: unknown;
};

/** What a step was, for marks on the time axis. */
export type Mark =
  | "elected" | "established" | "committed" | "crashed" | "started" | "cut" | "healed"
  | "watch" | "expired" | "truncated" | "halted" | "broken";

/** What one step changed. Frame 0 is the start and has everything. */
export type Frame = {
  /** Steps from the beginning of the run after this one. */
  position: number;
  /** Simulated time, in microseconds. */
  at_us: number;
  /** The step in the words of docs/formats.md, section 2; null at the start. */
  step: string | null;
  /** The event that tells most of what happened; null if there is nothing to show. */
  headline: TraceLine | null;
  mark: Mark | null;
  /** Servers that changed, whole. */
  servers: ServerFrame[];
  /** Clients that changed, whole. */
  clients: ClientFrame[];
  /** All cut ways, if they changed. */
  cuts: Way[] | null;
  /** Messages that went under way. */
  sent: Flight[];
  /** Messages that arrived or were lost. */
  ended: FlightEnd[];
  /** All held messages (those behind a held one included), if they changed. */
  held: FlightId[] | null;
  /** Invariants that this step broke. */
  broken: Violation[];
};

export type Way = { from: Host; to: Host };
export type Violation = { invariant: string; message: string };

export type ServerFrame = {
  sid: Sid;
  /** True for an observer by configuration. */
  observer: boolean;
  /** null while it is down. */
  up: ServerState | null;
  /** Of the disk: what a sync is under way for, or still needs. */
  disk: "idle" | "writing" | "unsynced" | "failed";
  /** The newest entries of its log, oldest first; of a server that is down, those on its disk. */
  log: Tile[];
  /** How many older entries are not in `log`. */
  earlier: number;
};

export type ServerState = {
  role: Role;
  phase: Phase;
  leader: Sid | null;
  serving: boolean;
  epochs: Epochs;
  round: Hex;
  vote: Vote | null;
  last_logged: Zxid;
  last_durable: Zxid;
  last_applied: Zxid;
  last_processed: Zxid;
  min_committed_log: Zxid;
  max_committed_log: Zxid;
  /** The latest vote of each voter known here, its own included. */
  tally: TallyVote[];
  /** What it waits for a quorum of, if anything: the tray in the middle of the ring. */
  tray: Tray | null;
  learners: { sid: Sid; synced: boolean; last_acked: Zxid }[];
  sessions: { id: Hex; timeout_ms: number; ephemerals: number }[];
  nodes: number;
  watches: number;
  /** The next timer: when it was set and when it fires, in microseconds. */
  timer: { since_us: number; due_us: number } | null;
};

export type TallyVote = {
  voter: Sid;
  /** What the voter said of itself. */
  state: "Looking" | "Following" | "Leading" | "Observing";
  vote: Vote;
  /** False for a vote outside the election (of a server that leads or follows). */
  counted: boolean;
};

export type Tray = {
  /** `votes` for a candidate, `promises` of an epoch (ACKEPOCH), `synced` (ACK of NEWLEADER), `acks` of a proposal. */
  of: "votes" | "promises" | "synced" | "acks";
  candidate: Sid | null;
  epoch: number | null;
  zxid: Zxid | null;
  slots: Slot[];
  have: number;
  need: number;
};
export type Slot = { sid: Sid; state: "in" | "expected" | "open" | "down" | "cut" };

export type Tile = {
  zxid: Zxid;
  /** `create`, `set`, `delete`, `session`, `close`, `multi`, … */
  op: string;
  path: string | null;
  state: "memory" | "disk" | "acked" | "committed" | "applied" | "truncated" | "torn" | "snapshot";
};

export type ClientFrame = {
  host: Host;
  /** As in the script. */
  name: string;
  state: "Disconnected" | "Connected" | "Expired" | "Closed";
  /** The server that it is connected to, or tries. */
  server: Sid | null;
  session: Hex | null;
  pending: ClientCall[];
  /** Its newest finished calls, oldest first, at most 8. */
  done: ClientCall[];
  watches: { path: string; kind: "data" | "exists" | "child" }[];
};
export type ClientCall = {
  call: string;
  op: string;
  path: string | null;
  /** null while it is pending; `OK` or the error's name. */
  result: string | null;
  zxid: Zxid | null;
};

/** `12a.7`: lane and number, as in docs/formats.md, section 2. */
export type FlightId = string;

export type Flight = {
  id: FlightId;
  /** The lane's name, `12a`. */
  lane: string;
  from: Host;
  to: Host;
  family: "election" | "sync" | "broadcast" | "client" | "heartbeat" | "link";
  /** At most three letters: `N`, `FI`, `P`, `cr`, `OK`. */
  letters: string;
  /** The packet's name: `NOTIFICATION`, `PROPOSAL`, `create`, `reply`, … */
  kind: string;
  /** Drawn hollow. */
  reply: boolean;
  /** Not drawn unless heartbeats are shown. */
  quiet: boolean;
  zxid: Zxid | null;
  /** For whom, if it carries a vote. */
  ballot: Sid | null;
  /** The decoded packet, for the inspector: names are ZooKeeper's. */
  fields: { name: string; value: string }[];
  bytes: number;
};
export type FlightEnd = { id: FlightId; how: "delivered" | "lost" };

export type ServerShort = { sid: Sid; up: unknown };
export type BranchView = {
  /** The branch that it left, and after how many steps; null for the first. */
  parent: { branch: number; at: number } | null;
  /** How many steps it has from the beginning of the run. */
  length: number;
  /** The step with which it left. */
  step: string | null;
};
export type View = {
  now_us: number;
  branch: number;
  position: number;
  length: number;
  servers: ServerShort[];
  branches: BranchView[];
};

export type Request =
  | { do: "open"; script: string }
  | { do: "open"; zlab: string }
  | { do: "advance"; until_us: number; max_steps: number }
  | { do: "step"; count: number }
  | { do: "step"; step: string }
  | { do: "act"; line: string }
  /** `forget`: the later steps of this branch were never seen and go. */
  | { do: "seek"; branch: number; position: number; forget?: boolean }
  /** The frames after `from` up to `to` of a branch, without going there. */
  | { do: "frames"; branch: number; from: number; to: number }
  | { do: "view"; server?: Sid }
  | { do: "predict"; line: string }
  | { do: "check"; predicate: string }
  | { do: "export"; as: "zlab" | "script" | "jsonl" };

export type Done = {
  view: View;
  /** The frames of the steps that the request took, or asked for; after `open` all up to its position, frame 0 first. */
  frames: Frame[];
  server?: unknown;
  answer?: string;
  value?: boolean;
  data?: string;
};
export type Problem = {
  kind: "request" | "syntax" | "run"; message: string; line?: number; column?: number;
};
export type Answer =
  | ({ v: 1; id: number; ok: true } & Done)
  | { v: 1; id: number | null; ok: false; error: Problem };
