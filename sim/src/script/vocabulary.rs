//! The names that predicates know: functions and their types, words of the protocol.
//!
//! Not here: what the functions compute (see `predicate`), the names of events (see
//! [`crate::formats::json`]).

/// The type of a term.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A number.
    Int,
    /// A text.
    Str,
    /// A zxid.
    Zxid,
    /// A vote.
    Vote,
    /// One of these names.
    Word(&'static [&'static str]),
    /// A number of Paxos.
    Ballot,
    /// A proposal of Paxos.
    Proposal,
}

impl Kind {
    /// How a message to people calls it.
    pub fn describe(self) -> String {
        match self {
            Kind::Bool => "a bool".into(),
            Kind::Int => "a number".into(),
            Kind::Str => "a string".into(),
            Kind::Zxid => "a zxid such as (1,4)".into(),
            Kind::Vote => "a vote such as (3,(1,9)) or (3,9)".into(),
            Kind::Word(words) => format!("one of {}", words.join(" ")),
            Kind::Ballot => "a number such as 2 or (2,P1)".into(),
            Kind::Proposal => "a proposal such as (2,\"x\")".into(),
        }
    }
}

/// The values of `role`.
pub const ROLES: &[&str] =
    &["DOWN", "SETTLING", "LOOKING", "FOLLOWING", "LEADING", "OBSERVING", "STANDALONE", "HALTED"];
/// The values of `phase`.
pub const PHASES: &[&str] = &["ELECTION", "DISCOVERY", "SYNCHRONIZATION", "BROADCAST"];
/// The values of `state`.
pub const CLIENT_STATES: &[&str] =
    &["DISCONNECTED", "CONNECTED", "CONNECTED_READ_ONLY", "EXPIRED", "CLOSED", "AUTHFAILED"];
/// The values of `result`: ZooKeeper's error codes by name.
pub const RESULTS: &[&str] = &[
    "OK",
    "SYSTEMERROR",
    "RUNTIMEINCONSISTENCY",
    "DATAINCONSISTENCY",
    "CONNECTIONLOSS",
    "MARSHALLINGERROR",
    "UNIMPLEMENTED",
    "OPERATIONTIMEOUT",
    "BADARGUMENTS",
    "APIERROR",
    "NONODE",
    "NOAUTH",
    "BADVERSION",
    "NOCHILDRENFOREPHEMERALS",
    "NODEEXISTS",
    "NOTEMPTY",
    "SESSIONEXPIRED",
    "INVALIDCALLBACK",
    "INVALIDACL",
    "AUTHFAILED",
    "SESSIONMOVED",
    "NOTREADONLY",
    "UNKNOWNSESSION",
    "EPHEMERALONLOCALSESSION",
    "NOWATCHER",
    "REQUESTTIMEOUT",
    "THROTTLEDOP",
    "QUOTAEXCEEDED",
];

/// The packets between servers, by their names in ZooKeeper.
pub const PACKETS: &[&str] = &[
    "REQUEST",
    "PROPOSAL",
    "ACK",
    "COMMIT",
    "PING",
    "REVALIDATE",
    "SYNC",
    "INFORM",
    "COMMITANDACTIVATE",
    "NEWLEADER",
    "FOLLOWERINFO",
    "UPTODATE",
    "DIFF",
    "TRUNC",
    "SNAP",
    "OBSERVERINFO",
    "LEADERINFO",
    "ACKEPOCH",
    "INFORMANDACTIVATE",
];

/// Names of the datagrams of elections, as a script writes them, beside NOTIFICATION and ACK.
pub const ELECTION_DATAGRAMS: &[&str] = &["POLL", "VOTE", "CREQUEST", "CHALLENGE"];

/// The messages of Paxos.
pub const PAXOS_MESSAGES: &[&str] =
    &["PREPARE", "PROMISE", "ACCEPT", "ACCEPTED", "NACK", "READ", "STATE"];
/// The values of `stage`.
pub const STAGES: &[&str] =
    &["IDLE", "PREPARING", "READY", "ACCEPTING", "REFUSED", "WAITING", "DONE"];
/// The values of `reading`.
pub const READINGS: &[&str] = &["IDLE", "ASKING", "FOUND", "FAILED"];

/// True if two words are one: case, `_` and `-` do not count.
pub fn same_word(left: &str, right: &str) -> bool {
    letters(left).eq(letters(right))
}

fn letters(word: &str) -> impl Iterator<Item = char> + '_ {
    word.chars().filter(|c| *c != '_' && *c != '-').map(|c| c.to_ascii_lowercase())
}

macro_rules! functions {
    (
        $(#[$doc:meta])*
        $enum:ident: $($(#[$what:meta])* $variant:ident $name:literal $kind:expr;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $enum { $($(#[$what])* $variant,)* }

        impl $enum {
            /// The function of this name.
            pub fn named(name: &str) -> Option<$enum> {
                match name {
                    $($name => Some($enum::$variant),)*
                    _ => None,
                }
            }

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $($enum::$variant => $name,)* }
            }

            /// The type of its value.
            pub fn kind(self) -> Kind {
                match self { $($enum::$variant => $kind,)* }
            }
        }
    };
}

functions! {
    /// Functions of a server.
    ServerFn:
    /// It runs.
    Up "up" Kind::Bool;
    /// It leads and is established.
    Leads "leads" Kind::Bool;
    /// It serves clients.
    Serving "serving" Kind::Bool;
    /// Its role.
    Role "role" Kind::Word(ROLES);
    /// Its phase.
    Phase "phase" Kind::Word(PHASES);
    /// Whom it follows.
    Leader "leader" Kind::Int;
    /// The epoch in which it takes part.
    Epoch "epoch" Kind::Int;
    /// Its promise.
    AcceptedEpoch "accepted_epoch" Kind::Int;
    /// Its adoption.
    CurrentEpoch "current_epoch" Kind::Int;
    /// Its election round.
    Round "round" Kind::Int;
    /// Its vote.
    Vote "vote" Kind::Vote;
    /// The last transaction in its log.
    LastLogged "last_logged" Kind::Zxid;
    /// The last durable one.
    LastDurable "last_durable" Kind::Zxid;
    /// The last one in its tree.
    Applied "applied" Kind::Zxid;
    /// What clients are told.
    LastProcessed "last_processed" Kind::Zxid;
    /// The beginning of the window for DIFF.
    MinCommitted "min_committed" Kind::Zxid;
    /// Its end.
    MaxCommitted "max_committed" Kind::Zxid;
    /// Proposals under way.
    Outstanding "outstanding" Kind::Int;
    /// It serves reads without a leader.
    ReadOnly "read_only" Kind::Bool;
    /// Znodes.
    Nodes "nodes" Kind::Int;
    /// Sessions.
    Sessions "sessions" Kind::Int;
    /// Watches.
    Watches "watches" Kind::Int;
    /// Ephemeral znodes.
    Ephemerals "ephemerals" Kind::Int;
    /// The version of the configuration in force.
    Config "config" Kind::Zxid;
}

functions! {
    /// Functions of a znode in a server's tree.
    NodeFn:
    /// It is there.
    Exists "exists" Kind::Bool;
    /// Its value.
    Data "data" Kind::Str;
    /// Its data version.
    Version "version" Kind::Int;
    /// How many children it has.
    Children "children" Kind::Int;
    /// Who made it.
    Czxid "czxid" Kind::Zxid;
    /// What changed its data last.
    Mzxid "mzxid" Kind::Zxid;
    /// What changed its children last.
    Pzxid "pzxid" Kind::Zxid;
    /// When it was made.
    Ctime "ctime" Kind::Int;
    /// When its data changed last.
    Mtime "mtime" Kind::Int;
    /// How often its children changed, as clients are told.
    Cversion "cversion" Kind::Int;
    /// The version of its access list.
    Aversion "aversion" Kind::Int;
    /// The session that owns it.
    EphemeralOwner "ephemeral_owner" Kind::Int;
    /// How long its value is.
    DataLength "data_length" Kind::Int;
}

functions! {
    /// Functions of a client.
    ClientFn:
    /// Its connection and session.
    State "state" Kind::Word(CLIENT_STATES);
    /// How its last operation ended.
    Result "result" Kind::Word(RESULTS);
    /// What its last `get` read.
    Value "value" Kind::Str;
    /// Its operations without a result.
    Pending "pending" Kind::Int;
    /// Its operations that ended well.
    Oks "oks" Kind::Int;
    /// The zxid of its last reply.
    ResultZxid "result_zxid" Kind::Zxid;
    /// The path of what it created last.
    Created "created" Kind::Str;
    /// What its last `children` read.
    Names "names" Kind::Str;
    /// The negotiated timeout.
    Timeout "timeout" Kind::Int;
}

functions! {
    /// Functions of a Paxos process.
    PaxosFn:
    /// The number that it promised.
    Promised "promised" Kind::Ballot;
    /// What it accepted.
    Accepted "accepted" Kind::Proposal;
    /// What it proposes, or would.
    Proposal "proposal" Kind::Proposal;
    /// How far it is with that.
    Stage "stage" Kind::Word(STAGES);
    /// What it knows to be chosen.
    Learned "learned" Kind::Str;
    /// What its read returned.
    Read "read" Kind::Str;
    /// How far that is.
    Reading "reading" Kind::Word(READINGS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_hyphens() {
        assert!(same_word("NEWLEADER", "NewLeader"));
        assert!(same_word("up_to_date", "UpToDate"));
        assert!(!same_word("DIFF", "TRUNCDIFF"));
    }

    #[test]
    fn functions_are_found_by_their_names() {
        assert_eq!(ServerFn::named("epoch"), Some(ServerFn::Epoch));
        assert_eq!(ServerFn::Epoch.name(), "epoch");
        assert_eq!(NodeFn::named("epoch"), None);
    }
}
