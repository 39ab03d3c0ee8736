// The messages between the page and the worker that holds the core: docs/formats.md, section 3.
// Made from the Rust sources; to make it anew:
//   REWRITE=1 cargo test -p zablab-sim --features ts typescript

/**
 * A server's number (`sid`), the `N` of `server.N` and of the file `myid`.
 */
export type Sid = number;

/**
 * Who owns one end of a connection. Servers come before clients.
 */
export type Host = string;

/**
 * Microseconds of a monotonic clock since the process was started.
 */
export type Micros = number;

/**
 * A session's number. Its top byte is the server that made it.
 */
export type Hex = string;

/**
 * An epoch of Zab (`acceptedEpoch`, `currentEpoch`); below 2^31.
 */
export type Epoch = number;

/**
 * A transaction id: the epoch in the high 32 bits, a counter in the low 32 bits.
 *
 * Compared as an unsigned pair, never as a signed difference. `(e, 0)` names no transaction: it
 * is the id of the NEWLEADER proposal of epoch `e`. A standalone server counts in epoch 0.
 */
export type Zxid = { epoch: number; counter: number };

/**
 * The two epochs of one server, both durable (Zab's f.p and f.a).
 */
export type Epochs = { 
/**
 * The promise: no leader of an older epoch is followed any more.
 */
accepted: Epoch, 
/**
 * The epoch whose initial history this server has adopted; never above `accepted`.
 */
current: Epoch, };

/**
 * The role of a server.
 */
export type Role = "Settling" | "Looking" | "Following" | "Leading" | "Observing" | "Standalone" | "Halted";

/**
 * The phase of Zab inside a role.
 */
export type Phase = "Election" | "Discovery" | "Synchronization" | "Broadcast";

/**
 * The state that a server reports in a notification.
 */
export type PeerState = "Looking" | "Following" | "Leading" | "Observing";

/**
 * Whom a server proposes, and why.
 */
export type Vote = { 
/**
 * The candidate.
 */
leader: Sid, 
/**
 * The candidate's last logged transaction.
 */
zxid: Zxid, 
/**
 * The round in which this vote was made.
 */
election_epoch: Hex, 
/**
 * The candidate's currentEpoch.
 */
peer_epoch: Epoch, };

/**
 * What one step changed. Frame 0 is the start and has everything.
 */
export type Frame = { 
/**
 * Steps from the beginning of the run after this one.
 */
position: number, 
/**
 * Simulated time, in microseconds.
 */
at_us: Micros, 
/**
 * The step in the words of docs/formats.md, section 2; null at the start.
 */
step: string | null, 
/**
 * The event that tells most of what happened; null if there is nothing to show.
 */
headline: TraceLine | null, 
/**
 * What the step is on the time axis, if it is a mark there.
 */
mark: Mark | null, 
/**
 * Servers that changed, whole.
 */
servers: Array<ServerFrame>, 
/**
 * Clients that changed, whole.
 */
clients: Array<ClientFrame>, 
/**
 * All cut ways, if they changed.
 */
cuts: Array<Way> | null, 
/**
 * Messages that went under way.
 */
sent: Array<Flight>, 
/**
 * Messages that arrived or were lost.
 */
ended: Array<FlightEnd>, 
/**
 * All held messages (those behind a held one included), if they changed.
 */
held: Array<FlightId> | null, 
/**
 * Invariants that this step broke.
 */
broken: Array<Violation>, };

/**
 * What a step was, for marks on the time axis.
 */
export type Mark = "elected" | "established" | "committed" | "crashed" | "started" | "cut" | "healed" | "watch" | "expired" | "truncated" | "halted" | "broken";

/**
 * A direction between two hosts.
 */
export type Way = { 
/**
 * The sender.
 */
from: Host, 
/**
 * The receiver.
 */
to: Host, };

/**
 * An invariant that was broken.
 */
export type Violation = { 
/**
 * Its id, such as `Z10`.
 */
invariant: string, 
/**
 * What does not go together, in words.
 */
message: string, };

/**
 * A server.
 */
export type ServerFrame = { 
/**
 * Its number.
 */
sid: Sid, 
/**
 * True for an observer by configuration.
 */
observer: boolean, 
/**
 * null while it is down.
 */
up: ServerState | null, 
/**
 * Of the disk: what a sync is under way for, or still needs; `failed` if the next one fails.
 */
disk: DiskFrame, 
/**
 * The newest entries of its log, oldest first; of a server that is down, those on its disk.
 */
log: Array<Tile>, 
/**
 * How many older entries are not in `log`.
 */
earlier: number, 
/**
 * Set if it is no server but a Paxos process; then `up` is null.
 */
paxos?: PaxosFrame, };

/**
 * A Paxos process.
 */
export type PaxosFrame = { 
/**
 * What a script calls it: `A1`, `P2`, `L1`.
 */
name: string, 
/**
 * It promises and accepts.
 */
acceptor: boolean, 
/**
 * It proposes.
 */
proposer: boolean, 
/**
 * It is told what was accepted.
 */
learner: boolean, 
/**
 * null while it is down.
 */
up: PaxosState | null, };

/**
 * A Paxos process that is up. The names are those of the core's `PaxosView`.
 */
export type PaxosState = { promised: Ballot | null, accepted: Proposal | null, stage: Stage, ballot: Ballot | null, proposal: Proposal | null, counted: Array<Sid>, need: number, learned: string | null, reading: "Idle" | "Asking" | { Found: Proposal } | "Failed", answered: Array<Sid>, 
/**
 * The next timer: when it was set and when it fires, in microseconds.
 */
timer: TimerFrame | null, };

/**
 * How far a proposer is.
 */
export type Stage = "Idle" | "Preparing" | "Ready" | "Accepting" | "Refused" | "Waiting" | "Done";

/**
 * The number of a proposal: a round, and who proposes. "Paxos Made Simple" says proposal number.
 *
 * No two proposers share one, because the proposer is a part of it, and none uses a round twice,
 * because its last round is durable before the number is told to anybody.
 */
export type Ballot = { 
/**
 * Compared first; from 1.
 */
round: number, 
/**
 * Who proposes.
 */
proposer: Sid, };

/**
 * A number and the value that is proposed under it.
 */
export type Proposal = { 
/**
 * Its number.
 */
ballot: Ballot, 
/**
 * The value.
 */
value: string, };

/**
 * What a disk has to do.
 */
export type DiskFrame = "idle" | "writing" | "unsynced" | "failed";

/**
 * A server that is up. The names are those of the core's `ServerView`.
 */
export type ServerState = { role: Role, phase: Phase, leader: Sid | null, serving: boolean, read_only: boolean, 
/**
 * Who is the ensemble, as far as it knows; null if that cannot change.
 */
members: MembersFrame | null, epochs: Epochs, round: Hex, vote: Vote | null, last_logged: Zxid, last_durable: Zxid, last_applied: Zxid, last_processed: Zxid, min_committed_log: Zxid, max_committed_log: Zxid, 
/**
 * The latest vote of each voter known here, its own included.
 */
tally: Array<TallyVote>, 
/**
 * What it waits for a quorum of, if anything: the tray in the middle of the ring.
 */
tray: Tray | null, learners: Array<LearnerFrame>, sessions: Array<SessionFrame>, nodes: number, watches: number, 
/**
 * The next timer: when it was set and when it fires, in microseconds.
 */
timer: TimerFrame | null, };

/**
 * A vote that a server has counted.
 */
export type TallyVote = { 
/**
 * Whose.
 */
voter: Sid, 
/**
 * What the voter said of itself.
 */
state: PeerState, 
/**
 * For whom.
 */
vote: Vote, 
/**
 * False for a vote outside the election (of a server that leads or follows).
 */
counted: boolean, };

/**
 * What a server waits for a quorum of.
 */
export type Tray = { 
/**
 * `votes` for a candidate, `promises` of an epoch (ACKEPOCH), `synced` (ACK of NEWLEADER),
 * `acks` of a proposal.
 */
of: TrayOf, 
/**
 * For whom the votes are.
 */
candidate: Sid | null, 
/**
 * Which epoch is promised or synchronized; null while none is chosen.
 */
epoch: Epoch | null, 
/**
 * Which proposal is acknowledged.
 */
zxid: Zxid | null, 
/**
 * One for each voter.
 */
slots: Array<Slot>, 
/**
 * How many are in.
 */
have: number, 
/**
 * How many make a quorum.
 */
need: number, };

/**
 * What is counted.
 */
export type TrayOf = "votes" | "promises" | "synced" | "acks";

/**
 * A voter's place in a tray.
 */
export type Slot = { 
/**
 * Whose.
 */
sid: Sid, 
/**
 * `in`: counted. `expected`: what will be counted is under way. `open`: not yet.
 * `down`, `cut`: cannot be filled as things are.
 */
state: SlotState, };

/**
 * How full a slot is.
 */
export type SlotState = "in" | "expected" | "open" | "down" | "cut";

/**
 * A learner, as its leader sees it.
 */
export type LearnerFrame = { 
/**
 * Which.
 */
sid: Sid, 
/**
 * True once it acknowledged NEWLEADER.
 */
synced: boolean, 
/**
 * The last zxid it acknowledged.
 */
last_acked: Zxid, };

/**
 * The configuration that a server has in force.
 */
export type MembersFrame = { 
/**
 * Which transaction changed it last.
 */
version: Zxid, 
/**
 * Who votes.
 */
voters: Array<Sid>, 
/**
 * Who observes.
 */
observers: Array<Sid>, };

/**
 * A session, as a server knows it.
 */
export type SessionFrame = { 
/**
 * Its number.
 */
id: Hex, 
/**
 * Its timeout in ms.
 */
timeout_ms: number, 
/**
 * Its ephemeral znodes.
 */
ephemerals: number, };

/**
 * A timer.
 */
export type TimerFrame = { 
/**
 * When it was set.
 */
since_us: Micros, 
/**
 * When it fires.
 */
due_us: Micros, };

/**
 * An entry of a log.
 */
export type Tile = { 
/**
 * Its place in the order of all transactions.
 */
zxid: Zxid, 
/**
 * `create`, `set`, `delete`, `session`, `close`, `multi`, …
 */
op: string, 
/**
 * Of which znode; null if of none, or of several.
 */
path: string | null, 
/**
 * How far it has come on this server.
 */
state: TileState, };

/**
 * How far a log entry has come.
 */
export type TileState = "memory" | "disk" | "acked" | "committed" | "applied" | "truncated" | "torn" | "snapshot";

/**
 * A client.
 */
export type ClientFrame = { 
/**
 * Its name in events and lanes.
 */
host: Host, 
/**
 * As in the script.
 */
name: string, 
/**
 * Its session's state.
 */
state: ClientState, 
/**
 * True while the server that it is connected to answers reads only, for want of a leader.
 */
read_only: boolean, 
/**
 * The server that it is connected to, or tries.
 */
server: Sid | null, 
/**
 * Its session, once it has a number.
 */
session: Hex | null, 
/**
 * Its calls without a result, oldest first.
 */
pending: Array<ClientCall>, 
/**
 * Its newest finished calls, oldest first, at most 8.
 */
done: Array<ClientCall>, 
/**
 * The watches it has.
 */
watches: Array<WatchFrame>, };

/**
 * The state of a client's session.
 */
export type ClientState = "Disconnected" | "Connected" | "Expired" | "Closed";

/**
 * A request of a client.
 */
export type ClientCall = { 
/**
 * Its number, counted over all clients.
 */
call: string, 
/**
 * What it asks for.
 */
op: string, 
/**
 * Of which znode.
 */
path: string | null, 
/**
 * null while it is pending; `OK` or the error's name.
 */
result: string | null, 
/**
 * The zxid in the reply's header.
 */
zxid: Zxid | null, };

/**
 * A watch of a client.
 */
export type WatchFrame = { 
/**
 * On which znode.
 */
path: string, 
/**
 * By which read it was left.
 */
kind: WatchOf, };

/**
 * Kinds of watches.
 */
export type WatchOf = "data" | "exists" | "child" | "persistent" | "recursive";

/**
 * A message's name: `12a.7`, lane and number, as in docs/formats.md, section 2.
 */
export type FlightId = string;

/**
 * A message under way.
 */
export type Flight = { 
/**
 * Its name.
 */
id: FlightId, 
/**
 * The lane's name, `12a`.
 */
lane: string, 
/**
 * The sender.
 */
from: Host, 
/**
 * The receiver.
 */
to: Host, 
/**
 * Which kind of talk it belongs to.
 */
family: Family, 
/**
 * At most three letters: `N`, `FI`, `P`, `cr`, `OK`.
 */
letters: string, 
/**
 * The packet's name: `NOTIFICATION`, `PROPOSAL`, `create`, `reply`, …
 */
kind: string, 
/**
 * Drawn hollow.
 */
reply: boolean, 
/**
 * Not drawn unless heartbeats are shown.
 */
quiet: boolean, 
/**
 * What it is about, if about a transaction or an epoch.
 */
zxid: Zxid | null, 
/**
 * For whom, if it carries a vote.
 */
ballot: Sid | null, 
/**
 * The decoded packet, for the inspector: names are ZooKeeper's.
 */
fields: Array<Field>, 
/**
 * How many bytes it has.
 */
bytes: number, };

/**
 * Kinds of talk.
 */
export type Family = "election" | "sync" | "broadcast" | "client" | "heartbeat" | "link";

/**
 * A field of a packet.
 */
export type Field = { 
/**
 * ZooKeeper's name for it.
 */
name: string, 
/**
 * Its value as text.
 */
value: string, };

/**
 * The end of a message's way.
 */
export type FlightEnd = { 
/**
 * Which.
 */
id: FlightId, 
/**
 * How.
 */
how: How, };

/**
 * How a message ends.
 */
export type How = "delivered" | "lost";

/**
 * What the page asks for.
 */
export type Request = { "do": "open" } & Source | { "do": "advance", 
/**
 * Up to this moment, in microseconds of simulated time.
 */
until_us: Micros, 
/**
 * At most so many steps.
 */
max_steps: number, } | { "do": "step" } & Steps | { "do": "act", 
/**
 * A line of section 1.3.
 */
line: string, } | { "do": "seek", 
/**
 * Of this branch, by its number.
 */
branch: number, 
/**
 * After so many steps from the beginning of the run.
 */
position: number, 
/**
 * The later steps of this branch go: nobody has seen them.
 */
forget?: boolean, } | { "do": "frames", 
/**
 * Of this branch.
 */
branch: number, 
/**
 * After so many steps; the frame of this position is not part of the answer.
 */
from: number, 
/**
 * Up to this position.
 */
to: number, } | { "do": "view", 
/**
 * At this server in detail, or at all of them in short.
 */
server?: Sid, } | { "do": "predict", 
/**
 * A `predict` line of section 1.4.
 */
line: string, } | { "do": "check", 
/**
 * A predicate of section 1.5.
 */
predicate: string, } | { "do": "export", 
/**
 * In this form.
 */
as: ExportForm, };

/**
 * From what a run is opened.
 */
export type Source = { "script": string } | { "zlab": string };

/**
 * Which steps are taken.
 */
export type Steps = { "count": number } | { "step": string };

/**
 * In which form a run is written.
 */
export type ExportForm = "zlab" | "script" | "jsonl";

/**
 * A run in short.
 */
export type View = { 
/**
 * Simulated time, in microseconds.
 */
now_us: Micros, 
/**
 * The present branch.
 */
branch: number, 
/**
 * How many steps the present moment is from the beginning of the run.
 */
position: number, 
/**
 * How many steps the end of the branch is from there.
 */
length: number, 
/**
 * Every server, by number.
 */
servers: Array<ServerShort>, 
/**
 * All branches, by number.
 */
branches: Array<BranchView>, };

/**
 * A server in short.
 */
export type ServerShort = { 
/**
 * Its number.
 */
sid: Sid, 
/**
 * What it knows; `None` if it is down.
 */
up: Short | null, };

/**
 * What a server that is up knows, in short. The names are those of [`ServerView`].
 */
export type Short = { role: Role, phase: Phase, leader: Sid | null, epochs: Epochs, round: Hex, vote: Vote | null, last_logged: Zxid, last_applied: Zxid, };

/**
 * A branch in short.
 */
export type BranchView = { 
/**
 * The branch that it left, and after how many steps; null for the first.
 */
parent: Parent | null, 
/**
 * How many steps it has from the beginning of the run.
 */
length: number, 
/**
 * The step with which it left.
 */
step: string | null, };

/**
 * Where a branch left another one.
 */
export type Parent = { 
/**
 * Which one.
 */
branch: number, 
/**
 * After how many steps.
 */
at: number, };

/**
 * A [`Done`] as its keys. A key that is there and `null` is not a key that is absent.
 */
export type Done = { view: View, frames: Array<Frame>, server?: unknown, answer?: string, value?: boolean, data?: string, };

/**
 * Why a request was not carried out.
 */
export type Problem = { 
/**
 * Whose fault it is.
 */
kind: ProblemKind, 
/**
 * What happened, in words.
 */
message: string, 
/**
 * The line of the text that is wrong, from 1.
 */
line?: number, 
/**
 * The character of that line, from 1.
 */
column?: number, };

/**
 * Kinds of problems.
 */
export type ProblemKind = "request" | "syntax" | "run";

/** One event in full: docs/formats.md, section 4. Which fields there are depends on `event`. */
export type TraceLine = {
  seq: number; at_us: number; host?: Host; event: string; [field: string]: unknown;
};

/** The answer to a request. */
export type Answer =
  | ({ v: 1; id: number; ok: true } & Done)
  | { v: 1; id: number | null; ok: false; error: Problem };
