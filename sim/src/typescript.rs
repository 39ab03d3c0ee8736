//! The types of the page's messages, as TypeScript, made from the types that are sent.
//!
//! One file, `www/src/core/types.ts`; a test says whether it is fresh. Not here: what the types
//! mean (where they are defined), and their JSON (`serde`).

use std::collections::BTreeSet;

use ts_rs::{Config, TS};
use zablab_core::paxos::{Ballot, Proposal, Stage};
use zablab_core::trace::{Phase, Role};
use zablab_core::types::{Epoch, Epochs, Mono, ServerId, SessionId, Zxid};
use zablab_core::wire::election::{PeerState, Vote};

use crate::formats::messages::{
    Ask, BranchView, DoneForm, ExportForm, Parent, Problem, ProblemKind, ServerShort, Short,
    Source, Steps, View,
};
use crate::reel::{
    Broken, CallFrame, ClientFrame, ClientState, DiskFrame, Family, Field, Flight, FlightEnd,
    FlightId, Frame, How, LearnerFrame, Mark, MembersFrame, PaxosFrame, PaxosState, ServerFrame,
    ServerState, SessionFrame, Slot, SlotState, TallyVote, Tile, TileState, TimerFrame, Tray,
    TrayOf, WatchFrame, WatchOf, Way,
};
use crate::step::Host;

/// What stands before the types.
const HEAD: &str = "\
// The messages between the page and the worker that holds the core: docs/formats.md, section 3.
// Made from the Rust sources; to make it anew:
//   REWRITE=1 cargo test -p zablab-sim --features ts typescript
";

/// The two types that are no single Rust type.
const TAIL: &str = "
/** One event in full: docs/formats.md, section 4. Which fields there are depends on `event`. */
export type TraceLine = {
  seq: number; at_us: number; host?: Host; event: string; [field: string]: unknown;
};

/** The answer to a request. */
export type Answer =
  | ({ v: 1; id: number; ok: true } & Done)
  | { v: 1; id: number | null; ok: false; error: Problem };
";

/// All types of the page's messages.
pub fn types() -> String {
    let mut file = File { text: HEAD.to_owned(), known: BTreeSet::new() };
    // Small ones first, then what is made of them.
    file.add::<ServerId>();
    file.add::<Host>();
    file.add::<Micros>();
    file.add::<SessionId>();
    file.add::<Epoch>();
    file.add::<Zxid>();
    file.add::<Epochs>();
    file.add::<Role>();
    file.add::<Phase>();
    file.add::<PeerState>();
    file.add::<Vote>();
    file.add::<Frame>();
    file.add::<Mark>();
    file.add::<Way>();
    file.add::<Broken>();
    file.add::<ServerFrame>();
    file.add::<PaxosFrame>();
    file.add::<PaxosState>();
    file.add::<Stage>();
    file.add::<Ballot>();
    file.add::<Proposal>();
    file.add::<DiskFrame>();
    file.add::<ServerState>();
    file.add::<TallyVote>();
    file.add::<Tray>();
    file.add::<TrayOf>();
    file.add::<Slot>();
    file.add::<SlotState>();
    file.add::<LearnerFrame>();
    file.add::<MembersFrame>();
    file.add::<SessionFrame>();
    file.add::<TimerFrame>();
    file.add::<Tile>();
    file.add::<TileState>();
    file.add::<ClientFrame>();
    file.add::<ClientState>();
    file.add::<CallFrame>();
    file.add::<WatchFrame>();
    file.add::<WatchOf>();
    file.add::<FlightId>();
    file.add::<Flight>();
    file.add::<Family>();
    file.add::<Field>();
    file.add::<FlightEnd>();
    file.add::<How>();
    file.add::<Ask>();
    file.add::<Source>();
    file.add::<Steps>();
    file.add::<ExportForm>();
    file.add::<View>();
    file.add::<ServerShort>();
    file.add::<Short>();
    file.add::<BranchView>();
    file.add::<Parent>();
    file.add::<DoneForm>();
    file.add::<Problem>();
    file.add::<ProblemKind>();
    file.text + TAIL
}

/// Simulated time.
type Micros = Mono;

struct File {
    text: String,
    known: BTreeSet<String>,
}

impl File {
    fn add<T: TS + 'static>(&mut self) {
        // Every number that is sent is below 2^53.
        let config = Config::new().with_large_int("number");
        assert!(self.known.insert(T::ident(&config)), "{} twice", T::ident(&config));
        self.text.push('\n');
        if let Some(docs) = T::docs() {
            self.text += docs.trim_end();
            self.text.push('\n');
        }
        self.text += &format!("export {}\n", T::decl(&config));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_types_of_the_page_are_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../www/src/core/types.ts");
        let fresh = super::types();
        if std::env::var_os("REWRITE").is_some() {
            std::fs::write(path, &fresh).expect("the file can be written");
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == fresh, "www/src/core/types.ts is not fresh: run this with REWRITE=1");
    }
}
