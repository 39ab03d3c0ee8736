import { describe, expect, test } from "vitest";
import type { Flight, TraceLine } from "../src/core/types";
import { format, type Message, placeholders } from "../src/i18n/format";
import { chooseLanguage, LANGUAGES, languageOf } from "../src/i18n/language";
import { NARRATED, narrate, type Words } from "../src/i18n/narrate";
import { ELECTION, headline, server } from "./support/frames";

type Catalogue = { readonly [key: string]: Message };
const files = import.meta.glob<{ default: Catalogue }>("../src/i18n/messages/*/*.json", { eager: true });
const catalogues = new Map(Object.entries(files).map(([path, file]) => {
  return [path.replace("../src/i18n/messages/", "").replace(".json", ""), file.default];
}));
const catalogue = (name: string): Catalogue => catalogues.get(name) ?? {};
const bundles = [...new Set([...catalogues.keys()].map((name) => name.split("/")[1] ?? ""))];

function words(language: string): Words {
  const messages = catalogue(`${language}/narration`);
  return {
    has: (key) => Object.hasOwn(messages, key),
    t: (key, args) => format(messages[key] ?? key, args, language),
  };
}

/** Where Chinese says a protocol word and its own beside it, and English needs only the first. */
const LOCAL: { readonly [key: string]: readonly string[] } = {
  "stage.word.above": ["role"], "stage.chip.beside": ["role"],
};

/** What English leaves out, because the protocol word before it is English already. */
const SILENT = /^pane\.role\./;

describe("the catalogues", () => {
  test.each(bundles)("of %s have the same keys and placeholders in both languages", (bundle) => {
    const en = catalogue(`en/${bundle}`);
    const zh = catalogue(`zh-CN/${bundle}`);
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
    for (const [key, message] of Object.entries(en)) {
      const more = LOCAL[key] ?? [];
      const expected = new Set([...placeholders(message), ...more]);
      expect([...placeholders(zh[key] ?? "")].sort(), key).toEqual([...expected].sort());
    }
  });

  test("have no empty text, no stray space, and no half-width punctuation in Chinese", () => {
    for (const [name, messages] of catalogues) {
      for (const [key, message] of Object.entries(messages)) {
        const texts = typeof message === "string" ? [message] : Object.values(message);
        expect(texts.length, `${name} ${key}`).toBeGreaterThan(0);
        for (const text of texts) {
          expect(text.trim(), `${name} ${key}`).toBe(text);
          if (!name.startsWith("en") || !SILENT.test(key)) expect(text, `${name} ${key}`).not.toBe("");
          if (name.startsWith("zh")) expect(text, `${name} ${key}`).not.toMatch(/\p{sc=Han}\s*[,;!?]|\p{sc=Han}[.:]/u);
        }
      }
    }
  });

  test("leave the space between Chinese and Latin to the style sheet, except where it is drawn", () => {
    for (const [name, messages] of catalogues) {
      // What is drawn on the stage knows no text-autospace, and sets a protocol word apart.
      if (!name.startsWith("zh") || name.endsWith("/stage")) continue;
      for (const [key, message] of Object.entries(messages)) {
        expect(JSON.stringify(message), `${name} ${key}`).not.toMatch(/\p{sc=Han} [\w{]|[\w}] \p{sc=Han}/u);
      }
    }
  });

  test("share no key", () => {
    const keys = bundles.flatMap((bundle) => Object.keys(catalogue(`en/${bundle}`)));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("have every plural form of their language", () => {
    for (const [name, messages] of catalogues) {
      const language = name.split("/")[0] ?? "en";
      const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
      for (const [key, message] of Object.entries(messages)) {
        if (typeof message === "string") continue;
        for (const form of forms) expect(message, `${name} ${key}`).toHaveProperty(form);
      }
    }
  });
});

describe("a message", () => {
  test("takes its arguments, and its form from the count", () => {
    expect(format("{a} and {b}", { a: "x", b: 1234 }, "en")).toBe("x and 1,234");
    expect(format("{list}", { list: ["S1", "S2", "S3"] }, "zh-CN")).toBe("S1、S2和S3");
    const plural = { "=0": "none", "one": "{count} step", "other": "{count} steps" };
    expect([0, 1, 2].map((count) => format(plural, { count }, "en"))).toEqual(["none", "1 step", "2 steps"]);
    expect(format("{missing}", {}, "en")).toBe("{missing}");
  });
});

describe("the language", () => {
  const none = { query: "", hash: "", saved: null, browser: [] };

  test("comes from the address, then from memory, then from the browser", () => {
    expect(chooseLanguage({ ...none, query: "?lang=zh", saved: "en" })).toBe("zh-CN");
    expect(chooseLanguage({ ...none, hash: "#/lab?lang=zh-CN", saved: "en" })).toBe("zh-CN");
    expect(chooseLanguage({ ...none, saved: "zh-CN", browser: ["en-GB"] })).toBe("zh-CN");
    expect(chooseLanguage({ ...none, browser: ["fr-FR", "zh-TW", "en"] })).toBe("zh-CN");
    expect(chooseLanguage({ ...none, query: "?lang=xx", browser: ["fr"] })).toBe("en");
  });

  test("is known by any tag of it", () => {
    expect(["EN", "en-US", "zh_Hans", "zh-cn", "de", ""].map(languageOf))
      .toEqual(["en", "en", "zh-CN", "zh-CN", null, null]);
  });
});

const zxid = { epoch: 1, counter: 9 };
const ballot = { round: 2, proposer: 11 };
const vote = { leader: 3, zxid, election_epoch: "0x2", peer_epoch: 1 };
const REASONS = ["Weight", "Epoch", "Zxid", "Sid", "Equal", "OwnVote", "Round"];
const PACKETS = [
  "Request", "Proposal", "Ack", "Commit", "Ping", "Revalidate", "Sync", "Inform",
  "CommitAndActivate", "NewLeader", "FollowerInfo", "UpToDate", "Diff", "Trunc", "Snap",
  "ObserverInfo", "LeaderInfo", "AckEpoch", "InformAndActivate",
];
const at = (event: string, more: { [field: string]: unknown } = {}) => headline(event, { host: "s4", ...more });

/** Every event of the core and the simulator, with every code that a sentence depends on. */
const EVENTS: TraceLine[] = [
  ...["Looking", "Following", "Leading", "Observing"].map((state) => at("NotificationSent", { to: 1, state, vote })),
  ...REASONS.flatMap((reason) => ["Adopted", "Kept"].map((verdict) => {
    return at("NotificationReceived", { from: 1, state: "Looking", vote, verdict: { [verdict]: reason } });
  })),
  ...["Noted", "JoinedRound", "OlderRound", "NotVoter", "OutOfElection", "Answered", "Ignored"].map((verdict) => {
    return at("NotificationReceived", { from: 1, state: "Looking", vote, verdict });
  }),
  at("PollEnded", { valid: 3, votes: 1 }),
  ...["ChallengeAsked", "ChallengeGiven", "NotificationAcked"].map((event) => at(event, { to: 1, tag: "0x7" })),
  at("NotificationDistrusted", { from: 1, tag: "0x7" }),
  at("BallotBegun", { ballot }), at("ValueAccepted", { ballot, value: "x" }), at("ValueLearned", { ballot, value: "x" }),
  ...[null, { ballot, value: "x" }].flatMap((accepted) => [
    at("PromiseGiven", { to: 11, ballot, accepted }), at("ReadEnded", { found: accepted }),
  ]),
  at("PaxosAsked", { ask: "Prepare", asked_round: 1, value: "v1" }), at("PaxosAsked", { ask: "Accept", asked_round: null, value: null }),
  at("PaxosAsked", { ask: "Propose", asked_round: null, value: "v1" }), at("PaxosAsked", { ask: "Read", asked_round: null, value: null }),
  at("BallotRefused", { to: 11, ballot, promised: ballot }), at("ReadBegun"), at("RepairSent", { to: 1, ballot }),
  ...[true, false].map((adopted) => at("ValueProposed", { ballot, value: "x", adopted })),
  at("ElectionStarted", { round: "0x2" }),
  ...REASONS.map((reason) => at("VoteChanged", { vote, reason })),
  at("QuorumReached", { vote, voters: [1, 2, 3] }),
  at("Elected", { vote }), at("Elected", { host: "s3", vote }),
  ...["Settling", "Looking", "Following", "Leading", "Observing", "Standalone", "Halted"]
    .map((role) => at("RoleChanged", { role, leader: role === "Following" ? 3 : null })),
  ...["Election", "Discovery", "Synchronization", "Broadcast"].map((phase) => at("PhaseEntered", { phase })),
  ...["LeaderUnreachable", "LeaderLost", "LeaderSilent", "OldEpoch", "ProtocolError", "NoQuorumInTime",
    "QuorumLost", "CounterUsedUp", "CannotCut", "Synced", "Reconfigured"].map((why) => at("RoleLeft", { role: "Leading", why })),
  ...["EpochProposed", "AcceptedEpochSet", "CurrentEpochSet", "Established"].map((event) => at(event, { epoch: 2 })),
  ...["MoreRecent", "Unknown", "NewerConfig", "ProtocolError", "TooSlow"]
    .map((why) => at("LearnerRefused", { learner: 2, why })),
  ...["Diff", "Trunc", "Snap"].flatMap((mode) => [0, 1, 5].map((entries) => {
    return at("SyncChosen", { learner: 2, peer_last: zxid, mode, to: zxid, entries });
  })),
  ...[0, 1, 5].map((records) => at("LogRead", { learner: 2, peer_last: zxid, records })),
  at("HistoryAdopted", { epoch: 2, last: zxid }), at("Truncated", { after: zxid }),
  at("SnapshotInstalled", { zxid }),
  at("ConfigSeen", { version: zxid }),
  at("ConfigActivated", { version: zxid }),
  at("LeaderDesignated", { leader: 1 }),
  ...PACKETS.flatMap((kind) => [at("PacketSent", { to: 1, kind, zxid }), at("PacketReceived", { from: 1, kind, zxid })]),
  ...["Count", "Bytes"].flatMap((of) => [true, false].map((hard) => at("QuotaExceeded", { path: "/a", of, used: 3, limit: 2, hard }))),
  at("Proposed", { zxid, op: 1, session: "0x1f", cxid: 1 }), at("Appended", { zxid, ticket: "0x1" }),
  at("Synced", { through: "0x1", last_logged: zxid }),
  at("Acked", { zxid, by: 4 }), at("Acked", { zxid, by: 1 }), at("Committed", { zxid }),
  at("Applied", { zxid, op: 1, session: "0x1f", error: 0 }),
  at("Applied", { zxid, op: 2, session: "0x1f", error: -101 }),
  ...[true, false].map((renewed) => at("SessionAttached", { session: "0x1f", conn: "0x1", timeout_ms: 10_000, renewed })),
  at("ClientRefused", { conn: "0x1", why: "not serving" }), at("SessionExpired", { session: "0x1f" }),
  ...["ReadOnlyBegan", "ReadOnlyEnded"].map((event) => at(event, {})),
  ...["LocalSessionBegun", "LocalSessionUpgraded"].map((event) => at(event, { session: "0x1f", timeout_ms: 10_000 })),
  ...[true, false].map((expired) => at("LocalSessionEnded", { session: "0x1f", expired })),
  at("Requested", { session: "0x1f", xid: 1, op: 1, path: "/a" }),
  at("Requested", { session: "0x1f", xid: 1, op: -11, path: null }),
  at("Replied", { session: "0x1f", xid: 1, op: 4, zxid, error: 0 }),
  at("Replied", { session: "0x1f", xid: 1, op: 77, zxid, error: -999 }),
  ...[1, 2, 3, 4, 9].map((kind) => at("WatchFired", { session: "0x1f", kind, path: "/a", zxid })),
  at("Halted", { why: "the zxid counter of this epoch is used up" }),
  ...["Crash", "Start", "WipeDisk", "FailDisk"].map((name) => headline("FaultInjected", { [name]: { server: 2 } })),
  headline("FaultInjected", { SlowDisk: { server: 2, sync_us: 5_000 } }),
  headline("FaultInjected", { Cut: { a: "s1", b: "s2" } }), headline("FaultInjected", { Heal: { a: "s1", b: "s2" } }),
  headline("FaultInjected", { CutOneWay: { from: "s1", to: "s2" } }), headline("FaultInjected", { HealAll: null }),
  ...["Lose", "Hold", "Duplicate"].map((name) => headline("FaultInjected", { [name]: { lane: "12a", seq: 7 } })),
  headline("FaultInjected", { Reset: { link: 12 } }), headline("FaultInjected", { Release: { lane: "12a" } }),
  headline("FaultInjected", { Forge: { from: 1, to: 2, leader: 1, zxid, round: "0x1", tag: "0x1", challenge: "0x63" } }),
  headline("FaultInjected", { Delay: { from: "s1", to: "s2", delay_us: 5_000 } }),
  headline("FaultInjected", { JumpWallClock: { server: 2, by_ms: 100 } }),
  headline("FaultInjected", { DropClient: { client: 1 } }),
  headline("FaultInjected", { FillDisk: { server: 2, left: 20 } }),
  ...["FreeDisk", "CopyDisk", "RestoreDisk"].map((name) => headline("FaultInjected", { [name]: { server: 2 } })),
  ...[{ Record: zxid }, { Snapshot: zxid }, "AcceptedEpoch", "CurrentEpoch"]
    .map((of) => headline("FaultInjected", { FlipByte: { server: 2, of, at: 40 } })),
  headline("FaultInjected", { Myid: { server: 2, says: 1 } }),
  ...["Pause", "Resume"].map((name) => headline("FaultInjected", { [name]: { host: "s2" } })),
  at("Started", { notes: [] }), at("Started", { notes: ["the disk is empty: a new history begins"] }),
  at("StartRefused", { why: "the log is damaged" }), at("Stopped", { why: "x" }),
  ...[0, 1, 2].map((count) => at("Crashed", { keep: {}, lost: count })),
  at("DiskSynced", { through: "0x1" }), at("DiskFailed", { ticket: "0x1" }), at("DiskRefused", { ticket: "0x1", why: "x" }),
  at("SnapshotWritten", { zxid }), at("MessageSent", { lane: "12a", number: 7, to: "s1", bytes: 9 }),
  at("MessageDelivered", { lane: "12a", number: 7, from: "s1" }), headline("MessageLost", { lane: "12a", number: 7 }),
  at("ConnectionOpened", { lane: "12a", peer: "s1" }), at("ConnectionClosed", { lane: "12a", peer: "s1" }),
  ...["Disconnect", "Close", { Request: { Sync: { path: "/" } } }, { Recipe: { verb: "Lock", path: "/" } }, { Connect: { servers: [1, 2], timeout_ms: 1 } }]
    .map((op) => at("ClientActed", { host: "c1", op })),
  at("ClientCalled", { host: "c1", call: 0, op: "GetData" }),
  ...[{ zxid, result: { Ok: "Done" } }, { zxid: null, result: { Ok: "Done" } }, { zxid, result: { Err: { Refused: { code: -110 } } } },
    ...["ConnectionLoss", "SessionExpired", "Closed", "BadPath", "AuthFailed", { TooManyCalls: { max: 9 } }]
      .map((error) => ({ zxid: null, result: { Err: error } }))]
    .map((outcome) => at("ClientReturned", { host: "c1", call: 0, outcome })),
  ...["NodeCreated", "NodeDeleted", "NodeDataChanged", "NodeChildrenChanged", "None"]
    .map((kind) => at("ClientNotified", { host: "c1", kind, path: "/a", zxid })),
  ...["Busy", "TimedOut", "Released", "Lost", "Passed", "Left", "Stored", "Unknown", "Absent", { Held: { fence: 5 } },
    { Taken: { name: "n", text: "t" } }, { Value: { text: "t", version: 1 } }, { Members: { names: [] } }, { Failed: { code: -101 } }]
    .map((notice) => at("RecipeTold", { host: "c1", path: "/a", notice })),
  at("ClientConnected", { host: "c1", session: "0x1f", server: 1 }),
  ...["ClientDisconnected", "ClientExpired", "ClientClosed"].map((event) => at(event, { host: "c1" })),
];

describe("the narration", () => {
  test("knows every event", () => {
    expect([...new Set(EVENTS.map((line) => line.event))].sort()).toEqual([...NARRATED].sort());
  });

  test.each(LANGUAGES)("has a whole sentence for each in %s", (language) => {
    const said = new Set<string>();
    const recorded = ELECTION.flatMap((one) => one.headline ?? []);
    for (const line of [...EVENTS, ...recorded]) {
      const { text } = narrate(line, words(language));
      const which = JSON.stringify(line);
      expect(text, which).not.toMatch(/[{}]|undefined|null|\[object|  |event\./);
      expect(text, which).not.toContain(line.event);
      expect(text, which).toMatch(language === "en" ? /^[A-Z/].*[.?a-z)]$/ : /[\p{sc=Han}]/u);
      if (!recorded.includes(line)) said.add(text);
    }
    expect(said.size).toBeGreaterThan(EVENTS.length - 15);
  });

  test("is written for both forms of a comparison", () => {
    const line = at("NotificationReceived", { from: 1, state: "Looking", vote, verdict: { Adopted: "Zxid" } });
    const own = { leader: 4, zxid: { epoch: 1, counter: 8 }, election_epoch: "0x2", peer_epoch: 1 };
    const before = { ...server(4), up: { vote: own } } as unknown as ReturnType<typeof server>;
    expect(narrate(line, words("en")).text).toBe("S4 adopts S3: same epoch, zxid e1·9 is higher.");
    const told = narrate(line, words("en"), { before });
    expect(told.text).toBe("S4 adopts S3: same epoch, zxid e1·9 is higher than e1·8.");
    expect(told.hosts).toEqual(["s4", "s1", "s3"]);
    expect(narrate(line, words("zh-CN"), { before }).text).toBe("S4改投S3：纪元相同，zxid e1·9大于e1·8。");
    const hold = narrate(headline("FaultInjected", { Hold: { lane: "12a", seq: 7 } }), words("en"));
    expect(hold.message).toBe("12a.7");
  });

  test("calls a message by what it is where that is known, and names both of its ends", () => {
    const flight = { kind: "PROPOSAL", zxid: { epoch: 1, counter: 2 }, from: "s3", to: "s1" } as Flight;
    const hold = narrate(headline("FaultInjected", { Hold: { lane: "12a", seq: 7 } }), words("en"), {
      message: (id) => (id === "12a.7" ? flight : undefined),
    });
    expect(hold.text).toContain("PROPOSAL e1·2 S3→S1");
    expect(hold).toMatchObject({ message: "12a.7", hosts: ["s3", "s1"] });
  });

  test("calls clients by their names, and says what it does not know", () => {
    const line = at("ClientClosed", { host: "c1" });
    expect(narrate(line, words("en"), { name: (host) => host === "c1" ? "alice" : host }).text)
      .toBe("alice's session is closed.");
    expect(narrate(at("Teleported"), words("en")).text).toBe("S4: Teleported.");
    expect(narrate(headline("Teleported"), words("zh-CN")).text).toBe("Teleported。");
  });
});
