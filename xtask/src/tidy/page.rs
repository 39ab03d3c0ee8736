//! Rules for the sources of the page.
//!
//! The core decides and the page shows (docs/decisions/0006-page.md). So TypeScript may print a
//! zxid, look up a role's word, tell whether two servers follow the same leader; it may not order
//! zxids, epochs, rounds or votes, count a quorum, or make a server's state. The rules look at the
//! names that these things have in the messages of the core.

use std::ops::Range;
use std::path::Path;

use super::script::{Kind, Token, svelte, typescript};

/// Where the sources are.
const SOURCES: &str = "www/src";
/// The only file that may say what a colour is.
const TOKENS: &str = "www/src/styles/tokens.css";
/// How states look and what they are called: lookups by a state's name, and examples of each.
const LOOKUPS: &[&str] = &["www/src/pieces", "www/src/i18n"];

/// What has an order that decides something, without underscores and in small letters.
const ORDERED: &[&str] = &[
    "zxid",
    "epoch",
    "round",
    "vote",
    "lastlogged",
    "lastdurable",
    "lastapplied",
    "lastprocessed",
    "mincommittedlog",
    "maxcommittedlog",
    "lastacked",
];
/// Common words, which mean the protocol's only as a part of something of the protocol.
const ORDERED_PARTS: &[(&str, &[&str])] =
    &[("counter", &["zxid"]), ("accepted", &["epochs"]), ("current", &["epochs"])];
/// The two numbers whose comparison is the question of a quorum.
const QUORUM: &[&str] = &["have", "need", "quorum", "majority"];
/// What servers are counted in.
const COUNTED: &[&str] = &[
    "servers",
    "voters",
    "participants",
    "members",
    "ensemble",
    "sids",
    "acks",
    "votes",
    "tally",
    "ballots",
    "slots",
    "promises",
    "learners",
    "followers",
];
/// What only the core may set.
const STATE: &[&str] = &["role", "phase", "leader", "epochs", "round", "vote", "tally", "serving"];
/// The names of roles and phases.
const STATES: &[&str] = &[
    "Settling",
    "Looking",
    "Following",
    "Leading",
    "Observing",
    "Standalone",
    "Halted",
    "Election",
    "Discovery",
    "Synchronization",
    "Broadcast",
];

/// Looks at one file of the repository.
pub fn check(path: &Path, text: &str, report: &mut impl FnMut(usize, &str)) {
    if !path.starts_with(SOURCES) {
        return;
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    let tokens = match extension {
        Some("ts") => typescript(text),
        Some("svelte") => svelte(text),
        _ => Vec::new(),
    };
    if path != Path::new(TOKENS) {
        match extension {
            Some("css") => colours_in(text, 1, report),
            Some("ts" | "svelte") => colours(text, &tokens, report),
            _ => {}
        }
    }
    let lookup = LOOKUPS.iter().any(|folder| path.starts_with(folder));
    decisions(&tokens, lookup, report);
}

/// What the page decides that is the core's to decide.
fn decisions(tokens: &[Token<'_>], lookup: bool, report: &mut impl FnMut(usize, &str)) {
    for (at, token) in tokens.iter().enumerate() {
        let problem = match token.kind {
            Kind::Sign("<" | ">" | "<=" | ">=") => comparison(tokens, at),
            Kind::Sign("-" | "+" | "++" | "--" | "+=" | "-=") => arithmetic(tokens, at),
            Kind::Sign("/" | ">>" | ">>>" | "*") => halving(tokens, at),
            Kind::Sign("=") => assignment(tokens, at),
            Kind::Sign(":") if !lookup => made_state(tokens, at),
            Kind::Word("min" | "max") => extreme(tokens, at),
            Kind::Word("BigInt") => wide_number(tokens, at),
            Kind::Number(number) if number.ends_with('n') && !number.starts_with("0x") => {
                Some("a number of the protocol is computed with")
            }
            _ => None,
        };
        if let Some(what) = problem {
            report(token.line, &format!("{what}; that is the core's to decide (decision 6)"));
        }
    }
}

/// `a.zxid < b.zxid`, `have >= need`.
fn comparison(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let (left, right) = (before(tokens, at), after(tokens, at));
    if left.is_empty() || right.is_empty() {
        return None;
    }
    let (left, right) = (&tokens[left], &tokens[right]);
    let number = |side: &[Token<'_>]| matches!(side, [Token { kind: Kind::Number(_), .. }]);
    if (is_ordered(left) && !number(right)) || (is_ordered(right) && !number(left)) {
        return Some("zxids, epochs, rounds or votes are compared");
    }
    let counts =
        |side: &[Token<'_>]| ends_with(side, QUORUM) || ends_with(side, &["length", "size"]);
    let asks = ends_with(left, QUORUM) || ends_with(right, QUORUM);
    (asks && counts(left) && counts(right)).then_some("a quorum is counted")
}

/// `a.epoch - b.epoch`, `zxid.counter + 1`. One epoch less than this is only the index of a colour.
fn arithmetic(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let (left, right) = (&tokens[before(tokens, at)], &tokens[after(tokens, at)]);
    let decides = match tokens[at].kind {
        Kind::Sign("-") => is_ordered(left) && is_ordered(right),
        Kind::Sign("+") => {
            let number = matches!(right, [Token { kind: Kind::Number(_), .. }]);
            is_ordered(left) && (number || is_ordered(right))
        }
        _ => is_ordered(left) || is_ordered(right),
    };
    decides.then_some("a zxid, epoch or round is computed")
}

/// `Math.floor(n / 2) + 1`, `voters.length >> 1`, `2 * acks.size > servers.length`.
fn halving(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let is_number = |token: Option<&Token<'_>>, wanted: &str| {
        token.is_some_and(|token| token.kind == Kind::Number(wanted))
    };
    let left_range = before(tokens, at);
    let left = &tokens[left_range.clone()];
    let behind = tokens.get(at + 1);
    let decides = match tokens[at].kind {
        Kind::Sign("/") if is_number(behind, "2") => {
            let rounded = is_rounded(tokens, left_range.start);
            let plus_one = rounded
                && tokens.get(at + 2).is_some_and(|token| token.is(")"))
                && tokens.get(at + 3).is_some_and(|token| token.is("+"))
                && is_number(tokens.get(at + 4), "1");
            plus_one
                || (is_count(left) && (rounded || is_compared(tokens, left_range.start, at + 2)))
        }
        Kind::Sign(">>" | ">>>") if is_number(behind, "1") => {
            is_count(left)
                || (tokens.get(at + 2).is_some_and(|token| token.is(")"))
                    && tokens.get(at + 3).is_some_and(|token| token.is("+"))
                    && is_number(tokens.get(at + 4), "1"))
        }
        Kind::Sign("*") => {
            let right_range = after(tokens, at);
            let twice_right =
                is_number(left.first(), "2") && is_count(&tokens[right_range.clone()]);
            let twice_left = is_number(behind, "2") && is_count(left);
            (twice_left || twice_right) && is_compared(tokens, left_range.start, right_range.end)
        }
        _ => false,
    };
    decides.then_some("a quorum is counted")
}

/// `server.role = …`; a name of one's own may be what it likes.
fn assignment(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let [.., dot, name] = &tokens[..at] else { return None };
    let sets = dot.is(".") && name.word().is_some_and(|name| STATE.contains(&name));
    sets.then_some("the state of a server is set")
}

/// `{ role: "Leading" }`. In a type, more names follow or went before.
fn made_state(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let name = at.checked_sub(1).and_then(|before| tokens[before].word())?;
    let Kind::Text(value) = tokens.get(at + 1)?.kind else { return None };
    let is_type = tokens.get(at + 2).is_some_and(|token| token.is("|"));
    let makes = ["role", "phase"].contains(&name) && STATES.contains(&value) && !is_type;
    makes.then_some("the state of a server is made")
}

/// `Math.max(a.epoch, b.epoch)`, `Math.max(...servers.map((s) => s.epoch))`.
fn extreme(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    if !tokens.get(at + 1)?.is("(") {
        return None;
    }
    let inside = &tokens[at + 2..closing(tokens, at + 1)];
    let several = arguments(inside).filter(|argument| is_ordered(argument)).count() > 1;
    let of_all = arguments(inside).any(|argument| {
        argument.first().is_some_and(|token| token.is("...")) && yields_ordered(argument)
    });
    (several || of_all).then_some("the greatest zxid, epoch or round is found")
}

/// Whether a list's values are such: `...servers.map((s) => s.epoch)`. Those that are only handed
/// on to something else (to be measured, say) are not the values.
fn yields_ordered(tokens: &[Token<'_>]) -> bool {
    let mut calls: Vec<bool> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let previous = at.checked_sub(1).map(|before| tokens[before]);
        match token.kind {
            Kind::Sign("(") => {
                let called = previous.and_then(|token| token.word());
                calls.push(called.is_none_or(|name| ["map", "flatMap", "Number"].contains(&name)));
            }
            Kind::Sign(")") => _ = calls.pop(),
            Kind::Word(name) => {
                let member = previous.is_some_and(|token| token.is(".") || token.is("?."));
                let ends = tokens
                    .get(at + 1)
                    .is_none_or(|next| [")", ",", "??", ";"].iter().any(|sign| next.is(sign)));
                let kept = calls.iter().all(|passes| *passes);
                if member && ends && kept && is_ordered_name(name, &tokens[..at]) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Only to write a hexadecimal value as a decimal one: `BigInt(round).toString()`.
fn wide_number(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let called = tokens.get(at + 1).is_some_and(|token| token.is("("));
    let end = if called { closing(tokens, at + 1) } else { at };
    let written = tokens.get(end + 1).is_some_and(|token| token.is("."))
        && tokens.get(end + 2).and_then(Token::word) == Some("toString");
    (!written).then_some("a number of the protocol is computed with")
}

/// The tokens between commas that are in no brackets.
fn arguments<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'t [Token<'a>]> {
    let mut depth = 0_i32;
    tokens.split(move |token| {
        match token.kind {
            Kind::Sign("(" | "[" | "{") => depth += 1,
            Kind::Sign(")" | "]" | "}") => depth -= 1,
            _ => {}
        }
        depth == 0 && token.is(",")
    })
}

/// The operand that ends before a sign: names joined by dots, with what is called or indexed.
fn before(tokens: &[Token<'_>], at: usize) -> Range<usize> {
    let mut start = at;
    while let Some(last) = start.checked_sub(1) {
        let joined = start == at || tokens[start].is(".") || tokens[start].is("?.");
        let opened = start < at && (tokens[start].is("(") || tokens[start].is("["));
        match tokens[last].kind {
            Kind::Sign(")" | "]") if joined || opened => start = opening(tokens, last),
            Kind::Word(word) if (joined || opened) && !is_keyword(word) => start = last,
            Kind::Number(_) if start == at => return last..at,
            Kind::Sign("." | "?.") if start < at && tokens[start].word().is_some() => start = last,
            Kind::Sign("!") if start == at && is_operand_end(tokens, last) => start = last,
            _ => break,
        }
    }
    start..at
}

fn is_operand_end(tokens: &[Token<'_>], at: usize) -> bool {
    let end = at.checked_sub(1).map(|before| tokens[before]);
    end.is_some_and(|token| token.word().is_some() || token.is(")") || token.is("]"))
}

/// The operand that begins after a sign.
fn after(tokens: &[Token<'_>], at: usize) -> Range<usize> {
    let start = at + 1;
    let mut end = start;
    while let Some(token) = tokens.get(end) {
        let joined = end == start || tokens[end - 1].is(".") || tokens[end - 1].is("?.");
        match token.kind {
            Kind::Sign("(" | "[") => end = (closing(tokens, end) + 1).min(tokens.len()),
            Kind::Word(word) if joined && !is_keyword(word) => end += 1,
            Kind::Number(_) if end == start => return start..end + 1,
            Kind::Sign("." | "?.") if end > start => end += 1,
            _ => break,
        }
    }
    start..end
}

fn is_keyword(word: &str) -> bool {
    ["return", "if", "else", "const", "let", "case", "of", "in", "typeof", "extends"]
        .contains(&word)
}

/// The bracket that closes the one at `at`, or the end.
fn closing(tokens: &[Token<'_>], at: usize) -> usize {
    let mut depth = 0_i32;
    for (here, token) in tokens.iter().enumerate().skip(at) {
        match token.kind {
            Kind::Sign("(" | "[" | "{") => depth += 1,
            Kind::Sign(")" | "]" | "}") => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return here;
        }
    }
    tokens.len()
}

/// The bracket that opened the one at `at`, or the beginning.
fn opening(tokens: &[Token<'_>], at: usize) -> usize {
    let mut depth = 0_i32;
    for here in (0..=at).rev() {
        match tokens[here].kind {
            Kind::Sign(")" | "]" | "}") => depth += 1,
            Kind::Sign("(" | "[" | "{") => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return here;
        }
    }
    0
}

/// Whether an operand is something with an order that decides; if brackets end it, what they hold.
fn is_ordered(operand: &[Token<'_>]) -> bool {
    match operand {
        [.., last] if last.is(")") => {
            let open = opening(operand, operand.len() - 1);
            // Of a call, what it is called with: `BigInt(vote.round)`; but `round(x)` rounds.
            contains_ordered(&operand[open + 1..operand.len() - 1])
        }
        [rest @ .., last] if last.is("!") => is_ordered(rest),
        [rest @ .., last] => last.word().is_some_and(|name| is_ordered_name(name, rest)),
        [] => false,
    }
}

fn contains_ordered(tokens: &[Token<'_>]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let called = tokens.get(at + 1).is_some_and(|next| next.is("("));
        let goes_on = tokens.get(at + 1).is_some_and(|next| next.is(".") || next.is("?."));
        let name = token.word().filter(|_| !called && !goes_on);
        name.is_some_and(|name| is_ordered_name(name, &tokens[..at]))
    })
}

fn is_ordered_name(name: &str, path: &[Token<'_>]) -> bool {
    // A type: the sign before or after it is a bracket.
    if name.starts_with(char::is_uppercase) {
        return false;
    }
    let name = plain(name);
    let part_of = |owners: &[&str]| match path {
        [.., owner, dot] if dot.is(".") || dot.is("?.") => {
            let owner = owner.word().map(plain);
            owner.is_some_and(|owner| {
                owners.iter().any(|of| owner.ends_with(of)) || ORDERED.contains(&owner.as_str())
            })
        }
        _ => false,
    };
    ORDERED.contains(&name.as_str())
        || name.ends_with("zxid")
        || name.ends_with("epoch")
        || ORDERED_PARTS.iter().any(|(part, owners)| *part == name && part_of(owners))
}

fn plain(name: &str) -> String {
    name.replace(['_', '$'], "").to_lowercase()
}

fn ends_with(operand: &[Token<'_>], names: &[&str]) -> bool {
    let last = operand.last().and_then(Token::word);
    last.is_some_and(|name| names.contains(&plain(name).as_str()))
}

/// Whether an operand is how many servers, votes or acks there are.
fn is_count(operand: &[Token<'_>]) -> bool {
    let has = |names: &[&str]| {
        operand.iter().filter_map(Token::word).any(|name| names.contains(&plain(name).as_str()))
    };
    has(&["length", "size", "count"]) && has(COUNTED)
}

/// Whether the operand that begins here is handed to something that makes it whole.
fn is_rounded(tokens: &[Token<'_>], start: usize) -> bool {
    let called = start.checked_sub(2).map(|at| (tokens[at], tokens[at + 1]));
    called.is_some_and(|(name, bracket)| {
        bracket.is("(")
            && name.word().is_some_and(|name| ["floor", "ceil", "trunc", "round"].contains(&name))
    })
}

/// Whether what lies between is one side of a comparison whose other side is a count, too.
fn is_compared(tokens: &[Token<'_>], start: usize, end: usize) -> bool {
    let compares = |token: Option<&Token<'_>>| {
        token.is_some_and(|token| ["<", ">", "<=", ">="].iter().any(|sign| token.is(sign)))
    };
    let counts = |range: Range<usize>| {
        let side = &tokens[range];
        is_count(side) || ends_with(side, COUNTED) || ends_with(side, QUORUM)
    };
    let left = start.checked_sub(1);
    left.is_some_and(|left| compares(tokens.get(left)) && counts(before(tokens, left)))
        || (compares(tokens.get(end)) && counts(after(tokens, end)))
}

/// Colours in texts of scripts, in quoted attributes and in styles.
fn colours(text: &str, tokens: &[Token<'_>], report: &mut impl FnMut(usize, &str)) {
    for token in tokens {
        if let Kind::Text(value) = token.kind {
            colours_in(value, token.line, report);
        }
    }
    for (line, content) in (1..).zip(text.lines()) {
        // Outside scripts: attributes of markup, and declarations of styles.
        let markup = content.trim_start();
        if markup.starts_with('<') || content.contains("=\"#") || is_declaration(markup) {
            let scripted = tokens.iter().any(|token| token.line == line);
            if !scripted {
                colours_in(content, line, report);
            }
        }
    }
}

fn is_declaration(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    line.contains(':') && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// Values of colours: `#1a2b3c`, `rgb(…)` and the like.
fn colours_in(text: &str, first: usize, report: &mut impl FnMut(usize, &str)) {
    for (line, content) in (first..).zip(text.lines()) {
        let functions = ["rgb(", "rgba(", "hsl(", "hsla(", "oklch(", "oklab(", "hwb("];
        let computed = functions.iter().any(|function| content.contains(function));
        if computed || content.split('#').skip(1).any(is_hex_colour) {
            report(line, "a colour outside www/src/styles/tokens.css");
        }
    }
}

/// Whether this, behind a `#`, is a colour: `fff`, `1a2b3c`, with or without transparency.
fn is_hex_colour(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '-' && c != '_' && c != '/');
    let value = &text[..end.unwrap_or(text.len())];
    [3, 4, 6, 8].contains(&value.len()) && value.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        check(Path::new(path), text, &mut |line, what| found.push((line, what.to_owned())));
        found
    }

    #[test]
    fn what_decides_is_found() {
        for text in [
            "if (a.zxid > b.zxid) return a;",
            "const newer = mine.epoch < theirs.peer_epoch;",
            "votes.sort((a, b) => b.vote.zxid.counter - a.vote.zxid.counter);",
            "const newest = servers.reduce((a, b) => (a.up!.last_logged.epoch >= b.up!.last_logged.epoch ? a : b));",
            "if (server.up.epochs.current > accepted) return;",
            "if (Number(mine.round) > Number(vote.election_epoch)) adopt();",
            "const best = Math.max(...servers.map((s) => s.up?.epochs.current ?? 0));",
            "const best = Math.max(vote.peer_epoch, other.peer_epoch);",
            "const next = { epoch, counter: zxid.counter + 1 };",
            "epoch += 1;",
            "round++;",
            "const need = Math.floor(servers.length / 2) + 1;",
            "const need = Math.floor(n / 2) + 1;",
            "const need = (n >> 1) + 1;",
            "const half = voters.size >> 1;",
            "const elected = tally.filter((v) => v.vote.leader === sid).length > servers.length / 2;",
            "if (acks.size * 2 > servers.length) commit();",
            "if (2 * acks.size > servers.length) commit();",
            "const met = tray.have >= tray.need;",
            "const met = acks.length >= quorum;",
            "const up = { role: \"Leading\", leader: 3 };",
            "server.role = \"Following\";",
            "server.up.leader = vote.leader;",
            "const zxid = BigInt(`0x${text}`);",
            "const mask = zxid & 0xffffffffn | 32n;",
        ] {
            let found = problems("www/src/model/a.ts", text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].1.contains("core's to decide"), "{found:?}");
        }
        let markup = "<p>\n  {#if tray.have >= tray.need}<b>{t(\"met\")}</b>{/if}\n</p>";
        assert_eq!(problems("www/src/panes/A.svelte", markup)[0].0, 2);
    }

    #[test]
    fn what_shows_is_not() {
        for text in [
            "const text = `e${zxid.epoch}·${zxid.counter}`;",
            "const look = FILLS[(epoch - 1) % FILLS.length];",
            "const turn = Math.max(0, epoch - 1);",
            "const pattern = epoch > 12 ? \"cross\" : epoch > 6 ? \"hatch\" : \"plain\";",
            "servers.sort((a, b) => a.sid - b.sid);",
            "const same = a.up?.leader === b.up?.leader;",
            "if (server.up?.role === \"Leading\") crown();",
            "const cells = tally.filter((one) => one.vote.leader === row.sid);",
            "const angle = (2 * Math.PI * i) / servers.length;",
            "const left = x - (servers.length - 1) / 2;",
            "const side = i < servers.length / 2 ? \"right\" : \"left\";",
            "const width = tray.slots.length * side + (tray.slots.length - 1) * GAP;",
            "const alpha = i < tray.have ? 1 : 0.2;",
            "const x = Math.round(a / 2) > Math.round(b);",
            "const middle = low + Math.floor((high - low) / 2);",
            "let counter = 0; counter += 1; if (counter > limit) stop();",
            "type State = { role: \"Looking\" | \"Leading\"; phase: Phase };",
            "const lanes: Map<string, Set<Zxid>> = new Map<string, Set<Zxid>>();",
            "for (const { zxid } of log) seen.add(zxid);",
            "const f = (epoch: number): Look => looks[epoch] ?? plain;",
            "/* a.zxid > b.zxid */ // have >= need",
            "say(\"zxid > vote, 2 * acks.size > servers.length\");",
            "if (cursor.position >= record.length || mark.story <= until) stop();",
            "const words = { role: t(key) };",
            "const text = BigInt(value).toString();",
            "const wide = Math.max(56, ...all.map((s) => { const { zxid, torn } = of(s); return zxid ? tag(s.zxid, torn).width : 0; }));",
        ] {
            assert_eq!(problems("www/src/model/a.ts", text), [], "{text}");
        }
        let markup =
            "<th>zxid</th><td>{zxidWords(tile.zxid)}</td>\n<Tile {zxid} epoch={epoch} /> > x";
        assert_eq!(problems("www/src/panes/A.svelte", markup), []);
        let example = "export const LEADING = { role: \"Leading\" };";
        assert_eq!(problems("www/src/pieces/examples.ts", example), []);
        // The simulator's side, and tests that play the core, are not the page.
        assert_eq!(problems("www/tests/a.test.ts", "a.zxid > b.zxid"), []);
    }

    #[test]
    fn colours_have_one_home() {
        let css = "p {\n  color: #fff;\n  background: rgb(0 0 0);\n  border-color: var(--line);\n}\n#app { }";
        let lines = |path: &str, text: &str| -> Vec<usize> {
            problems(path, text).into_iter().map(|(line, _)| line).collect()
        };
        assert_eq!(lines("www/src/styles/base.css", css), [2, 3]);
        assert_eq!(lines(TOKENS, css), [0_usize; 0]);
        let script = "const a = \"#1a2b3c\";\nclass B { #add = 1; go() { this.#add += 1; } }\n\
                      const c = \"#/lab\";\nconst d = `url(#grad)`;";
        assert_eq!(lines("www/src/stage/a.ts", script), [1]);
        let component = "<a href=\"#/learn\">{#each all as one}{one}{/each}</a>\n\
                         <rect fill=\"#abc\" />\n<style>\n  p { margin: 0; }\n  p {\n    \
                         color: #abcdef;\n  }\n</style>";
        assert_eq!(lines("www/src/panes/A.svelte", component), [2, 6]);
    }
}
