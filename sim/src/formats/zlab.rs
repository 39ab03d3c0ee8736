//! One run as a file or a link: `docs/formats.md`, section 2.
//!
//! Text in a small frame, deflated. Not here: playing it again (see [`crate::script::open`]).

mod moves;
mod text;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

pub use moves::{Exact, Move, NoStep};

use crate::script::ParseError;
use crate::script::ast::Given;

/// The first bytes of a file.
pub const MAGIC: [u8; 4] = *b"ZLAB";
/// The version that is written and read.
pub const VERSION: u8 = 1;
/// Bytes of a file: a long session of the page has some thousand.
pub const FILE_LEN_MAX: usize = 1 << 20;
/// Bytes of its content.
pub const CONTENT_LEN_MAX: usize = 8 << 20;
/// What a link begins with.
pub const LINK_PREFIX: &str = "#/lab/z1.";
/// Moves of all branches together.
pub const MOVES_MAX: usize = 200_000;
/// Branches of a run.
pub const BRANCHES_MAX: usize = 256;
/// Steps of all `auto` moves together.
pub const AUTO_MAX: u64 = 2_000_000;

/// Magic, version and length.
const HEADER_LEN: usize = 9;
/// How hard deflate tries: 9 saves some per cent of a link and costs milliseconds.
const LEVEL: u8 = 9;

/// A run that can be opened again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// The version of the core that wrote it.
    pub core: String,
    /// The start.
    pub given: Vec<Given>,
    /// What was done, in branches; the first one begins at the start.
    pub branches: Vec<Branch>,
    /// Where it was looked at last.
    pub cursor: Place,
    /// What was selected, in the page's own words.
    pub select: Option<String>,
    /// The open tab.
    pub tab: Option<String>,
    /// The lesson that was open.
    pub lesson: Option<String>,
    /// The hash of the trace up to the cursor.
    pub hash: u64,
}

/// A line of moves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    /// Where it leaves an earlier branch; `None` for the first one.
    pub from: Option<Place>,
    /// What was done since then.
    pub moves: Vec<Move>,
}

impl Branch {
    /// How many units it has: each step of an `auto` is one, every other move is one.
    pub fn units(&self) -> u64 {
        self.moves.iter().map(Move::units).sum()
    }
}

/// A position in a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Which branch.
    pub branch: usize,
    /// After how many units of its own.
    pub position: u64,
}

/// Bytes that are no run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZlabError {
    /// It does not begin as a file does.
    #[error("not a .zlab file")]
    NotZlab,
    /// It is of a version that this reader does not know.
    #[error("version {version}; this reader knows {VERSION}")]
    Version {
        /// Its version.
        version: u8,
    },
    /// It is longer than allowed.
    #[error("{len} bytes; the limit is {max}")]
    TooLong {
        /// Its length, or that of its content.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The content does not inflate to its length, or is no text.
    #[error("the content is damaged")]
    Damaged,
    /// A link is no base64url, or does not begin as a link does.
    #[error("not a link to a run")]
    NotLink,
    /// The content breaks its grammar.
    #[error("content: {0}")]
    Content(#[from] ParseError),
}

/// A run as the bytes of a file.
///
/// # Errors
/// [`ZlabError::TooLong`]: the run does not fit.
pub fn encode(run: &Run) -> Result<Vec<u8>, ZlabError> {
    let content = text::write(run);
    within(content.len(), CONTENT_LEN_MAX)?;
    let mut file = MAGIC.to_vec();
    file.push(VERSION);
    file.extend((content.len() as u32).to_be_bytes());
    file.extend(compress_to_vec(content.as_bytes(), LEVEL));
    within(file.len(), FILE_LEN_MAX)?;
    Ok(file)
}

/// Reads a file. Lengths are checked before anything is inflated.
///
/// # Errors
/// [`ZlabError`].
pub fn decode(file: &[u8]) -> Result<Run, ZlabError> {
    within(file.len(), FILE_LEN_MAX)?;
    let (header, deflated) = file.split_at_checked(HEADER_LEN).ok_or(ZlabError::NotZlab)?;
    let [m0, m1, m2, m3, version, l0, l1, l2, l3] = *header else { return Err(ZlabError::NotZlab) };
    if [m0, m1, m2, m3] != MAGIC {
        return Err(ZlabError::NotZlab);
    }
    if version != VERSION {
        return Err(ZlabError::Version { version });
    }
    let len = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    within(len, CONTENT_LEN_MAX)?;
    let content = decompress_to_vec_with_limit(deflated, len).map_err(|_| ZlabError::Damaged)?;
    if content.len() != len {
        return Err(ZlabError::Damaged);
    }
    let content = String::from_utf8(content).map_err(|_| ZlabError::Damaged)?;
    Ok(text::read(&content)?)
}

/// A run as a link.
///
/// # Errors
/// [`ZlabError::TooLong`]: the run does not fit into a file.
pub fn to_link(run: &Run) -> Result<String, ZlabError> {
    Ok(format!("{LINK_PREFIX}{}", URL_SAFE_NO_PAD.encode(encode(run)?)))
}

/// Reads a link.
///
/// # Errors
/// [`ZlabError`].
pub fn from_link(link: &str) -> Result<Run, ZlabError> {
    let payload = link.strip_prefix(LINK_PREFIX).ok_or(ZlabError::NotLink)?;
    within(payload.len(), FILE_LEN_MAX / 3 * 4 + 4)?;
    decode(&URL_SAFE_NO_PAD.decode(payload).map_err(|_| ZlabError::NotLink)?)
}

fn within(len: usize, max: usize) -> Result<(), ZlabError> {
    if len <= max { Ok(()) } else { Err(ZlabError::TooLong { len, max }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zablab_core::types::ServerId;

    use super::*;
    use crate::script::{Command, parse, parse_act};
    use crate::step::{ClientId, Host, LaneId, LinkId, Side};

    fn example() -> Run {
        let given = parse("zablab script 1\ngiven servers 5\ngiven seed 7\n").expect("it parses");
        let given = given.lines.into_iter().filter_map(|line| match line.command {
            Command::Given(given) => Some(given),
            _ => None,
        });
        let lane = LaneId { link: LinkId(12), to: Side::Opener };
        let act = |line| Move::Act(parse_act(line).expect("it parses"));
        let steps = [
            Exact::Deliver { lane, seq: 3 },
            Exact::GiveUp { lane },
            Exact::Tick { host: Host::Server(ServerId(2)) },
            Exact::Tick { host: Host::Client(ClientId(1)) },
            Exact::CompleteIo { server: ServerId(1) },
            Exact::CompleteSnapshot { server: ServerId(1) },
            Exact::Hold { lane, seq: 4 },
            Exact::Lose { lane, seq: 5 },
            Exact::Release { lane },
            Exact::Reset { link: LinkId(12) },
        ];
        let mut moves = vec![act("start 1..5"), Move::Auto(153), act("crash 3"), Move::Auto(2)];
        moves.extend(steps.into_iter().map(Move::Step));
        let first = Branch { from: None, moves };
        let from = Some(Place { branch: 0, position: 17 });
        let second = Branch { from, moves: vec![act("c: create \"/猫 #\" \"\\n\"")] };
        Run {
            core: "0.1.0".into(),
            given: given.collect(),
            branches: vec![first, second],
            cursor: Place { branch: 1, position: 1 },
            select: Some("server 1".into()),
            tab: Some("votes".into()),
            lesson: None,
            hash: 0x0123_4567_89ab_cdef,
        }
    }

    #[test]
    fn a_run_survives_its_file_and_its_link() {
        let run = example();
        let file = encode(&run).expect("it fits");
        assert_eq!(file[..5], *b"ZLAB\x01");
        assert_eq!(decode(&file), Ok(run.clone()));
        let link = to_link(&run).expect("it fits");
        assert!(link.len() < 600, "{} characters", link.len());
        assert_eq!(from_link(&link), Ok(run));
    }

    #[test]
    fn the_content_is_as_documented() {
        let content = text::write(&example());
        let head = "zablab run 1\ncore 0.1.0\ngiven servers 5\ngiven seed 7\nbranch\nstart 1..5\n\
                    auto 153\ncrash 3\nauto 2\nstep deliver 12o.3\nstep give-up 12o\n\
                    step tick s2\n";
        assert!(content.starts_with(head), "{content}");
        let tail = "branch from 0 at 17\nc: create \"/猫 #\" \"\\n\"\ncursor 1 1\n\
                    select server 1\ntab votes\nhash 0123456789abcdef\n";
        assert!(content.ends_with(tail), "{content}");
    }

    #[test]
    fn lengths_are_checked_before_inflating() {
        let mut bomb = MAGIC.to_vec();
        bomb.push(VERSION);
        bomb.extend(u32::MAX.to_be_bytes());
        let max = CONTENT_LEN_MAX;
        assert_eq!(decode(&bomb), Err(ZlabError::TooLong { len: u32::MAX as usize, max }));
        // Inflating stops at the length that the header names.
        let mut lie = MAGIC.to_vec();
        lie.push(VERSION);
        lie.extend(10_u32.to_be_bytes());
        lie.extend(compress_to_vec(&vec![0; 1 << 20], LEVEL));
        assert_eq!(decode(&lie), Err(ZlabError::Damaged));
        assert!(matches!(decode(&vec![0; FILE_LEN_MAX + 1]), Err(ZlabError::TooLong { .. })));
        assert_eq!(decode(b"ZLAB\x02\0\0\0\0"), Err(ZlabError::Version { version: 2 }));
        assert_eq!(decode(b"PK"), Err(ZlabError::NotZlab));
        assert_eq!(from_link("#/lab/z2.AAAA"), Err(ZlabError::NotLink));
    }

    #[test]
    fn places_must_exist() {
        let read = |old: &str, new: &str| text::read(&text::write(&example()).replace(old, new));
        assert!(read("", "").is_ok());
        for (old, new) in [
            ("cursor 1 1", "cursor 1 2"),
            ("cursor 1 1", "cursor 2 0"),
            ("from 0 at 17", "from 0 at 999"),
            ("from 0 at 17", "from 1 at 0"),
            ("branch\n", "branch from 0 at 0\n"),
            ("auto 153", "auto 2000001"),
            ("given seed 7", "start 1"),
            ("hash 0", "hash "),
            ("zablab run 1", "zablab run 2"),
        ] {
            assert!(read(old, new).is_err(), "{old} -> {new}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            at in 0..400usize,
            byte in any::<u8>(),
        ) {
            let _ = decode(&bytes);
            let mut file = encode(&example()).expect("it fits");
            let at = at % file.len();
            file[at] = byte;
            let _ = decode(&file);
        }

        #[test]
        fn no_text_makes_the_reader_panic(
            at in 0..600usize,
            junk in "[ -~\n]{0,4}",
            cut in 0..4usize,
        ) {
            let content = text::write(&example());
            let chars: Vec<char> = content.chars().collect();
            let at = at.min(chars.len());
            let end = (at + cut).min(chars.len());
            let head: String = chars[..at].iter().collect();
            let tail: String = chars[end..].iter().collect();
            if let Ok(run) = text::read(&format!("{head}{junk}{tail}")) {
                prop_assert_eq!(text::read(&text::write(&run)), Ok(run));
            }
        }
    }
}
