//! One line of a script as tokens, with columns for messages.
//!
//! Not here: what the tokens mean (see [`super::parse`]).

use super::parse::ParseError;
use super::{DURATION_MAX_US, LINE_LEN_MAX};

/// A smallest part of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// A name: letters, digits, `_` and `-`.
    Word(String),
    /// A number and the letters right behind it: `12`, `10ms`, `12a`.
    Number(i128, String),
    /// A text in quotes.
    Str(String),
    /// A znode's path.
    Path(String),
    /// A sign.
    Sign(&'static str),
}

/// The tokens of one line, read from the left.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    line: u32,
    tokens: Vec<(u32, Token)>,
    at: usize,
    end: u32,
    /// The variables that `all` and `any` have bound here, innermost last.
    pub(super) scope: Vec<String>,
}

/// Longer signs come before their beginnings.
const SIGNS: [&str; 19] = [
    "->", "..", "==", "!=", "<=", ">=", "<", ">", "=", "(", ")", "{", "}", ",", ";", ":", "|", "*",
    ".",
];

impl Tokens {
    /// Cuts a line into tokens.
    pub(super) fn new(line: u32, text: &str) -> Result<Tokens, ParseError> {
        let chars: Vec<char> = text.chars().collect();
        if chars.len() > LINE_LEN_MAX {
            let expected = format!("at most {LINE_LEN_MAX} characters in a line");
            return Err(ParseError::new(line, LINE_LEN_MAX as u32 + 1, expected, "more"));
        }
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            if c == '#' {
                break;
            }
            if c.is_whitespace() {
                at += 1;
                continue;
            }
            let column = at as u32 + 1;
            let token = token(&chars, &mut at)
                .map_err(|(expected, found)| ParseError::new(line, column, expected, found))?;
            tokens.push((column, token));
        }
        Ok(Tokens { line, tokens, at: 0, end: at as u32 + 1, scope: Vec::new() })
    }

    /// True if nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.at == self.tokens.len()
    }

    /// The next token.
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    /// The token after the next one.
    pub(super) fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|(_, token)| token)
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += usize::from(token.is_some());
        token
    }

    /// An error at the next token.
    pub(super) fn error<T>(&self, expected: impl Into<String>) -> Result<T, ParseError> {
        let (column, found) = match self.tokens.get(self.at) {
            Some((column, token)) => (*column, describe(token)),
            None => (self.end, "the end of the line".to_string()),
        };
        Err(ParseError::new(self.line, column, expected, found))
    }

    /// An error at the token that was taken last.
    pub(super) fn error_before<T>(&self, expected: impl Into<String>) -> Result<T, ParseError> {
        let mut before = self.clone();
        before.at = self.at.saturating_sub(1);
        before.error(expected)
    }

    /// Takes this sign if it is next.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes this word if it is next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Word(next)) if next == word);
        self.at += usize::from(is_next);
        is_next
    }

    /// This sign must be next.
    pub(super) fn sign(&mut self, sign: &str) -> Result<(), ParseError> {
        if self.take_sign(sign) { Ok(()) } else { self.error(format!("\"{sign}\"")) }
    }

    /// This word must be next.
    pub(super) fn keyword(&mut self, word: &str) -> Result<(), ParseError> {
        if self.take_word(word) { Ok(()) } else { self.error(format!("\"{word}\"")) }
    }

    /// A word must be next.
    pub(super) fn word(&mut self, what: &str) -> Result<String, ParseError> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => self.error(what),
        }
    }

    /// A number within these limits must be next.
    pub(super) fn number(&mut self, what: &str, min: i128, max: i128) -> Result<i128, ParseError> {
        match self.peek() {
            Some(Token::Number(n, unit)) if unit.is_empty() && (min..=max).contains(n) => {
                let n = *n;
                self.at += 1;
                Ok(n)
            }
            _ => self.error(format!("{what} from {min} to {max}")),
        }
    }

    /// A `u32` from `min` on must be next.
    pub(super) fn number_u32(&mut self, what: &str, min: u32) -> Result<u32, ParseError> {
        let n = self.number(what, i128::from(min), i128::from(u32::MAX))?;
        Ok(u32::try_from(n).expect("within the limits just checked"))
    }

    /// A duration must be next; in microseconds.
    pub(super) fn duration_us(&mut self) -> Result<u64, ParseError> {
        let expected = "a duration up to one hour, such as 10ms or 5s";
        let Some(Token::Number(n, unit)) = self.peek() else {
            return self.error(expected);
        };
        let unit_us = match unit.as_str() {
            "us" => 1,
            "ms" => 1000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            _ => return self.error(expected),
        };
        match u64::try_from(n.saturating_mul(unit_us)) {
            Ok(us) if us <= DURATION_MAX_US => {
                self.at += 1;
                Ok(us)
            }
            _ => self.error(expected),
        }
    }

    /// A text in quotes must be next.
    pub(super) fn string(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Some(Token::Str(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => self.error("a string in quotes"),
        }
    }

    /// A path must be next, bare or in quotes.
    pub(super) fn path(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Some(Token::Path(text) | Token::Str(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => self.error("a path"),
        }
    }

    /// Nothing may be left.
    pub(super) fn done(&self) -> Result<(), ParseError> {
        if self.is_done() { Ok(()) } else { self.error("the end of the line") }
    }
}

fn describe(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("\"{word}\""),
        Token::Number(n, unit) => format!("\"{n}{unit}\""),
        Token::Str(_) => "a string".into(),
        Token::Path(path) => format!("\"{path}\""),
        Token::Sign(sign) => format!("\"{sign}\""),
    }
}

/// What was expected, and what stands there.
type Mismatch = (String, String);

fn token(chars: &[char], at: &mut usize) -> Result<Token, Mismatch> {
    let c = chars[*at];
    let next = chars.get(*at + 1).copied().unwrap_or(' ');
    if c.is_ascii_alphabetic() {
        return Ok(Token::Word(word(chars, at)));
    }
    if c.is_ascii_digit() || (c == '-' && next.is_ascii_digit()) {
        return number(chars, at);
    }
    if c == '"' {
        return string(chars, at);
    }
    if c == '/' {
        let path = take_while(chars, at, |c| !c.is_whitespace() && !"\",;(){}#".contains(c));
        return Ok(Token::Path(path));
    }
    for sign in SIGNS {
        if sign
            .chars()
            .zip(chars[*at..].iter().chain(std::iter::repeat(&' ')))
            .all(|(a, b)| a == *b)
        {
            *at += sign.len();
            return Ok(Token::Sign(sign));
        }
    }
    Err(("a word, a number, a string, a path or a sign".into(), format!("\"{c}\"")))
}

/// A hyphen belongs to a word only before a letter or digit, so that `c->1` is three tokens.
fn word(chars: &[char], at: &mut usize) -> String {
    let start = *at;
    while let Some(&c) = chars.get(*at) {
        let next = chars.get(*at + 1).copied().unwrap_or(' ');
        let inner_hyphen = c == '-' && next.is_ascii_alphanumeric();
        if !(c.is_ascii_alphanumeric() || c == '_' || inner_hyphen) {
            break;
        }
        *at += 1;
    }
    chars[start..*at].iter().collect()
}

fn number(chars: &[char], at: &mut usize) -> Result<Token, Mismatch> {
    let start = *at;
    let negative = chars[*at] == '-';
    *at += usize::from(negative);
    let is_hex = chars[*at] == '0' && chars.get(*at + 1) == Some(&'x');
    let (radix, digits) = if is_hex {
        *at += 2;
        (16, take_while(chars, at, |c| c.is_ascii_hexdigit()))
    } else {
        (10, take_while(chars, at, |c| c.is_ascii_digit()))
    };
    let suffix = take_while(chars, at, |c| c.is_ascii_alphanumeric());
    let written: String = chars[start..*at].iter().collect();
    // Sixty-four bits are the widest numbers of the protocol.
    match u64::from_str_radix(&digits, radix) {
        Ok(n) if !negative => Ok(Token::Number(i128::from(n), suffix)),
        Ok(n) if n <= 1 << 63 => Ok(Token::Number(-i128::from(n), suffix)),
        Ok(_) | Err(_) => Err(("a number of at most 64 bits".into(), format!("\"{written}\""))),
    }
}

fn string(chars: &[char], at: &mut usize) -> Result<Token, Mismatch> {
    let mut text = String::new();
    *at += 1;
    loop {
        let c = chars.get(*at).copied();
        *at += 1;
        match c {
            None => return Err(("a closing quote".into(), "the end of the line".into())),
            Some('"') => return Ok(Token::Str(text)),
            Some('\\') => {
                let escaped = chars.get(*at).copied();
                *at += 1;
                match escaped {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('"' | '\\')) => text.push(c),
                    Some(c) => {
                        return Err(("one of \\\" \\\\ \\n \\t".into(), format!("\"\\{c}\"")));
                    }
                    None => return Err(("a closing quote".into(), "the end of the line".into())),
                }
            }
            Some(c) => text.push(c),
        }
    }
}

fn take_while(chars: &[char], at: &mut usize, keep: impl Fn(char) -> bool) -> String {
    let start = *at;
    while chars.get(*at).is_some_and(|c| keep(*c)) {
        *at += 1;
    }
    chars[start..*at].iter().collect()
}
