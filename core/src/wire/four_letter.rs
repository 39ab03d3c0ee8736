//! The four-letter words: a client connection that begins with one is a question, not a session.

/// Every word that ZooKeeper knows, also those that this server answers with a refusal.
const WORDS: [&[u8; 4]; 18] = [
    b"ruok", b"srvr", b"stat", b"mntr", b"conf", b"isro", b"cons", b"envi", b"dump", b"wchs",
    b"wchc", b"wchp", b"dirs", b"crst", b"srst", b"gtmk", b"stmk", b"hash",
];

/// The word that has a number behind it, eight bytes.
pub const SET_TRACE_MASK: &[u8; 4] = b"stmk";

/// Whether the first four bytes of a connection are such a word.
pub fn four_letter_word(first: [u8; 4]) -> bool {
    WORDS.contains(&&first)
}
