//! The users of a JAAS file: what `DigestLoginModule` of a section lists as `user_NAME`.
//!
//! Only that login module is known; a section that asks for another one, such as Kerberos, is
//! refused. Source: Java's `ConfigFile` (the format), ZooKeeper's `DigestLoginModule`.

use alloc::string::String;
use core::fmt;

use super::ConfigError;
use crate::sorted::SortedMap;

/// The login module whose users are known.
const MODULE: &str = "DigestLoginModule";
/// What the name of a user's option begins with.
const USER: &str = "user_";

/// A password. It is not shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Password(String);

impl Password {
    /// That one.
    pub fn new(secret: &str) -> Password {
        Password(String::from(secret))
    }

    /// What it is, to compute with.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a password)")
    }
}

/// A word of the file, or one of its signs.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    Word(String),
    Sign(char),
}

/// The text, and where in it.
struct Tokens<'a> {
    rest: &'a str,
    line: u32,
}

/// The users of a section.
///
/// # Errors
/// Where the text is no JAAS file, or the section is missing or asks for another login module.
pub fn users(text: &str, section: &str) -> Result<SortedMap<String, Password>, ConfigError> {
    let mut tokens = Tokens { rest: text, line: 1 };
    let mut found = None;
    while let Some(token) = tokens.next()? {
        let Token::Word(name) = token else { return Err(tokens.wrong("the name of a section")) };
        tokens.sign('{')?;
        let users = login_modules(&mut tokens, name == section)?;
        tokens.sign(';')?;
        if name == section {
            found = Some(users);
        }
    }
    found.ok_or_else(|| ConfigError::NoSection { section: String::from(section) })
}

/// What is in the braces. Of other sections only the form counts.
fn login_modules(
    tokens: &mut Tokens<'_>,
    counts: bool,
) -> Result<SortedMap<String, Password>, ConfigError> {
    let mut users = SortedMap::new();
    loop {
        let module = match tokens.next()? {
            Some(Token::Sign('}')) => return Ok(users),
            Some(Token::Word(module)) => module,
            _ => return Err(tokens.wrong("a login module or }")),
        };
        let is_known = module.rsplit('.').next() == Some(MODULE);
        if counts && !is_known {
            return Err(tokens.wrong("a DigestLoginModule"));
        }
        let Some(Token::Word(_)) = tokens.next()? else {
            return Err(tokens.wrong("required, requisite, sufficient or optional"));
        };
        loop {
            let name = match tokens.next()? {
                Some(Token::Sign(';')) => break,
                Some(Token::Word(name)) => name,
                _ => return Err(tokens.wrong("an option or ;")),
            };
            tokens.sign('=')?;
            let Some(Token::Word(value)) = tokens.next()? else {
                return Err(tokens.wrong("the value of an option"));
            };
            if let Some(user) = name.strip_prefix(USER)
                && counts
            {
                users.insert(String::from(user), Password(value));
            }
        }
    }
}

impl Tokens<'_> {
    fn wrong(&self, expected: &'static str) -> ConfigError {
        ConfigError::Jaas { line: self.line, expected }
    }

    fn sign(&mut self, sign: char) -> Result<(), ConfigError> {
        let expected = match sign {
            '{' => "{",
            '=' => "=",
            _ => ";",
        };
        match self.next()? {
            Some(Token::Sign(found)) if found == sign => Ok(()),
            _ => Err(self.wrong(expected)),
        }
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count() as u32;
        self.rest = rest;
    }

    /// Over blanks, and comments from `//` or `#` to the end of the line or in `/* */`.
    fn skip(&mut self) -> Result<(), ConfigError> {
        loop {
            let blanks = self.rest.len() - self.rest.trim_start().len();
            self.advance(blanks);
            if self.rest.starts_with("//") || self.rest.starts_with('#') {
                self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                let end = self.rest.find("*/").ok_or_else(|| self.wrong("*/"))?;
                self.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Result<Option<Token>, ConfigError> {
        self.skip()?;
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        if matches!(first, '{' | '}' | ';' | '=') {
            self.advance(1);
            return Ok(Some(Token::Sign(first)));
        }
        if first == '"' {
            return self.quoted().map(Some);
        }
        let ends = |letter: char| letter.is_whitespace() || "{};=\"".contains(letter);
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let word = String::from(&self.rest[..end]);
        self.advance(end);
        Ok(Some(Token::Word(word)))
    }

    fn quoted(&mut self) -> Result<Token, ConfigError> {
        let mut word = String::new();
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.advance(at + 1);
                    return Ok(Token::Word(word));
                }
                '\n' => break,
                '\\' => match letters.next() {
                    Some((_, 'n')) => word.push('\n'),
                    Some((_, 't')) => word.push('\t'),
                    Some((_, escaped)) => word.push(escaped),
                    None => break,
                },
                _ => word.push(letter),
            }
        }
        Err(self.wrong("the end of a quoted word"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    const FILE: &str = "// users of the servers\n\
        Server {\n  org.apache.zookeeper.server.auth.DigestLoginModule required\n\
        \x20 user_super=\"adminsecret\" # the one\n  user_bob=\"bob \\\"secret\";\n};\n\
        /* ours */ Client {\n  com.sun.security.auth.module.Krb5LoginModule required\n\
        \x20 useKeyTab=true;\n};\n";

    #[test]
    fn a_section_lists_its_users() {
        let users = users(FILE, "Server").expect("it is a JAAS file");
        let shown: alloc::vec::Vec<_> =
            users.iter().map(|(user, password)| (user.as_str(), password.reveal())).collect();
        assert_eq!(shown, [("bob", "bob \"secret"), ("super", "adminsecret")]);
        assert!(!alloc::format!("{users:?}").contains("secret"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, section, expected) in [
            (FILE, "Other", "there is no section Other in the JAAS file"),
            (FILE, "Client", "the JAAS file, line 8: expected a DigestLoginModule"),
            ("Server", "Server", "the JAAS file, line 1: expected {"),
            (
                "Server {\nx.DigestLoginModule required\nuser_a=\"b",
                "Server",
                "the JAAS file, line 3: expected the end of a quoted word",
            ),
            (
                "Server { x.DigestLoginModule required user_a=b; }",
                "Server",
                "the JAAS file, line 1: expected ;",
            ),
            ("/* never ends", "Server", "the JAAS file, line 1: expected */"),
        ] {
            let error = users(text, section).expect_err(text);
            assert_eq!(error.to_string(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([A-Za-z_.]{1,8}|[{};=\"\\\\#/* \n]){0,40}") {
            let _ = users(&text, "Server");
        }
    }
}
