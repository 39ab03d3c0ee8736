//! A line as words, and words as options and arguments, as `zkCli.sh` reads them.
//!
//! A word that begins with a quote ends at the next quote of that kind; a quote inside a word is
//! a letter as others. Options may stand anywhere after the command's name; `--` ends them.
//! Source: `ZooKeeperMain.MyCommandOptions` and Commons CLI's `DefaultParser`.

/// An option that a command has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flag {
    /// Its name, without the dash.
    pub name: &'static str,
    /// What its value is called, if it has one.
    pub value: Option<&'static str>,
    /// What it does.
    pub about: &'static str,
}

impl Flag {
    /// One without a value.
    pub const fn plain(name: &'static str, about: &'static str) -> Flag {
        Flag { name, value: None, about }
    }

    /// One with a value.
    pub const fn valued(name: &'static str, value: &'static str, about: &'static str) -> Flag {
        Flag { name, value: Some(value), about }
    }
}

/// The words of a command, sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Arguments {
    flags: Vec<(&'static str, String)>,
    /// What is no option, without the command's name.
    pub words: Vec<String>,
}

/// The place of the word that the end of a line is in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastWord {
    /// Where it begins, a quote included.
    pub start: usize,
    /// Its letters, without a quote.
    pub text: String,
    /// Whether it is the first word of the line.
    pub is_first: bool,
}

/// Splits a line into words.
///
/// # Errors
/// A quote has no end.
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if matches!(first, '"' | '\'') {
            let quoted = rest[1..].split_once(first);
            quoted.ok_or_else(|| format!("The quote {first} has no end"))?
        } else {
            rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()))
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

/// The word that is being typed at the end of a line; an empty one after a space.
pub fn last_word(line: &str) -> LastWord {
    let mut start = line.len() - line.trim_start().len();
    let mut is_first = true;
    loop {
        let rest = &line[start..];
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let end = match quote {
            Some(quote) => rest[1..].find(quote).map(|at| at + 2),
            None => rest.find(char::is_whitespace),
        };
        let Some(end) = end else {
            let text = rest[usize::from(quote.is_some())..].to_owned();
            return LastWord { start, text, is_first };
        };
        let after = &rest[end..];
        if after.is_empty() {
            return LastWord { start: line.len(), text: String::new(), is_first: false };
        }
        start = line.len() - after.trim_start().len();
        is_first = false;
    }
}

/// Sorts the words after a command's name into options and others.
///
/// # Errors
/// An option that the command does not have, or one without its value.
pub fn sort(words: &[String], known: &[Flag]) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = match word.strip_prefix('-') {
            Some("-") => {
                arguments.words.extend(words.cloned());
                break;
            }
            Some(name) if !name.is_empty() => name.strip_prefix('-').unwrap_or(name),
            _ => {
                arguments.words.push(word.clone());
                continue;
            }
        };
        let (name, mut value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let find = |name: &str| known.iter().find(|flag| flag.name == name);
        let unknown = || format!("Unrecognized option: {word}");
        let flags: Vec<&Flag> = match find(name) {
            Some(flag) => vec![flag],
            None => {
                // Either the value follows without a space, or these are several short options.
                let first = name.chars().next().ok_or_else(unknown)?.len_utf8();
                match find(&name[..first]) {
                    Some(flag) if flag.value.is_some() && value.is_none() => {
                        value = Some(name[first..].to_owned());
                        vec![flag]
                    }
                    _ => {
                        let mut letters = [0; 4];
                        let each =
                            name.chars().map(|letter| find(letter.encode_utf8(&mut letters)));
                        each.collect::<Option<_>>().ok_or_else(unknown)?
                    }
                }
            }
        };
        for flag in flags {
            let value = match flag.value {
                Some(_) => value.take().or_else(|| words.next().cloned()),
                None if value.is_some() => return Err(unknown()),
                None => Some(String::new()),
            };
            let missing = || format!("Missing argument for option: {}", flag.name);
            arguments.flags.push((flag.name, value.ok_or_else(missing)?));
        }
    }
    Ok(arguments)
}

impl Arguments {
    /// Whether this option is there.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The value of this option; the first one if it is there several times.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|(flag, _)| *flag == name).map(|(_, value)| value.as_str())
    }

    /// All values of this option, in their order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let its = self.flags.iter().filter(move |(flag, _)| *flag == name);
        its.map(|(_, value)| value.as_str())
    }

    /// A word, which the command's limits say is there.
    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).expect("its quotes end")
    }

    #[test]
    fn a_line_is_split_as_in_zk_cli() {
        assert_eq!(words("  ls   -s  /a "), ["ls", "-s", "/a"]);
        assert_eq!(words("set /a \"two words\" ''"), ["set", "/a", "two words", ""]);
        assert_eq!(words("set /a 'it \"is\"'"), ["set", "/a", "it \"is\""]);
        assert_eq!(words("set /a it's"), ["set", "/a", "it's"]);
        assert_eq!(words("a\"b c\"d"), ["a\"b", "c\"d"]);
        assert_eq!(words("'a''b'"), ["a", "b"]);
        assert_eq!(words(" \t"), [] as [&str; 0]);
        assert_eq!(split("set /a \"x"), Err("The quote \" has no end".into()));
    }

    #[test]
    fn the_last_word_is_found() {
        let last = |line| {
            let LastWord { start, text, is_first } = last_word(line);
            (start, text, is_first)
        };
        assert_eq!(last(""), (0, "".into(), true));
        assert_eq!(last("  l"), (2, "l".into(), true));
        assert_eq!(last("ls "), (3, "".into(), false));
        assert_eq!(last("ls /ä"), (3, "/ä".into(), false));
        assert_eq!(last("ls \"/a b"), (3, "/a b".into(), false));
        assert_eq!(last("ls \"/a b\" /c"), (10, "/c".into(), false));
        assert_eq!(last("ls '/a'"), (7, "".into(), false));
    }

    #[test]
    fn options_stand_anywhere() {
        const KNOWN: [Flag; 4] = [
            Flag::plain("s", ""),
            Flag::plain("w", ""),
            Flag::valued("v", "version", ""),
            Flag::valued("add", "server", ""),
        ];
        let sorted = |line: &str| sort(&words(line), &KNOWN);
        let read = |line: &str| {
            let sorted = sorted(line).expect("known options");
            let value = |name| sorted.value(name).unwrap_or("-").to_owned();
            (value("s"), value("w"), value("v"), sorted.words)
        };
        let expected = || ("".into(), "-".into(), "3".into(), vec!["/a".to_owned()]);
        for line in ["-s -v 3 /a", "/a -v 3 -s", "-v3 /a -s", "--v=3 -s /a", "-sv 3 /a"] {
            assert_eq!(read(line), expected(), "{line}");
        }
        assert_eq!(read("-sw").1, "");
        assert_eq!(read("-v -1").2, "-1");
        assert_eq!(read("-- -s /a").3, ["-s", "/a"]);
        assert_eq!(read("- /a").3, ["-", "/a"]);
        assert_eq!(sorted("-add server.1=a:1").expect("known").value("add"), Some("server.1=a:1"));
        let wrong = |line| sorted(line).expect_err("it is wrong");
        assert_eq!(wrong("-z"), "Unrecognized option: -z");
        assert_eq!(wrong("-sz /a"), "Unrecognized option: -sz");
        assert_eq!(wrong("-s=1"), "Unrecognized option: -s=1");
        assert_eq!(wrong("/a -v"), "Missing argument for option: v");
    }
}
