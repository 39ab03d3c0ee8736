//! Java's properties text: `key=value` lines with comments, continuations and escapes.
//!
//! Not here: what any key means. Source: `java.util.Properties.load`, whose blanks are space, tab
//! and form feed; the trimming of values is that of `QuorumPeerConfig.parseProperties`.

use alloc::string::String;
use alloc::vec::Vec;

use super::ConfigError;

/// One `key=value`, trimmed and unescaped.
pub(super) struct Property {
    pub(super) key: String,
    pub(super) value: String,
    /// Where it begins, counted from 1.
    pub(super) line: u32,
}

/// All properties of `text`, in its order; a key may come more than once.
pub(super) fn parse(text: &str) -> Result<Vec<Property>, ConfigError> {
    let mut properties = Vec::new();
    let mut lines = (1u32..).zip(natural_lines(text));
    while let Some((line, first)) = lines.next() {
        let first = first.trim_start_matches(is_blank);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = String::from(first);
        while ends_with_continuation(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(next.trim_start_matches(is_blank));
        }
        properties.push(property(&logical, line)?);
    }
    Ok(properties)
}

/// The text without the properties whose key `goes`; everything else stays as it was written.
pub(super) fn without(text: &str, goes: impl Fn(&str) -> bool) -> Result<String, ConfigError> {
    let mut left = String::with_capacity(text.len());
    let mut lines = (1u32..).zip(text.split_inclusive('\n'));
    while let Some((line, first)) = lines.next() {
        let mut whole = String::from(first);
        let plain = first.trim_start_matches(is_blank);
        if plain.trim().is_empty() || plain.starts_with(['#', '!']) {
            left.push_str(&whole);
            continue;
        }
        while ends_with_continuation(whole.trim_end_matches(['\n', '\r']))
            && let Some((_, next)) = lines.next()
        {
            whole.push_str(next);
        }
        let logical = plain.trim_end_matches(['\n', '\r', '\\']);
        if !goes(&property(logical, line)?.key) {
            left.push_str(&whole);
        }
    }
    Ok(left)
}

fn property(logical: &str, line: u32) -> Result<Property, ConfigError> {
    let mut escaped = false;
    let key_end = logical.find(|c: char| {
        let ends = !escaped && (is_blank(c) || c == '=' || c == ':');
        escaped = !escaped && c == '\\';
        ends
    });
    let (key, rest) = logical.split_at(key_end.unwrap_or(logical.len()));
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    Ok(Property {
        key: String::from(unescape(key, line)?.trim()),
        value: String::from(unescape(value, line)?.trim()),
        line,
    })
}

fn unescape(raw: &str, line: u32) -> Result<String, ConfigError> {
    let mut plain = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let all_hex = digits.len() == 4 && digits.chars().all(|c| c.is_ascii_hexdigit());
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| all_hex);
                let unit = code.and_then(char::from_u32);
                plain.push(unit.ok_or(ConfigError::BadEscape { line })?);
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    Ok(plain)
}

/// A line that ends in an odd number of backslashes goes on in the next one.
fn ends_with_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1
}

fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(text: &str) -> Vec<(String, String, u32)> {
        let properties = parse(text).expect("the text is well formed");
        properties.into_iter().map(|p| (p.key, p.value, p.line)).collect()
    }

    fn pair(key: &str, value: &str, line: u32) -> (String, String, u32) {
        (key.into(), value.into(), line)
    }

    #[test]
    fn separators_comments_and_blanks() {
        let text = "# c\n! c\n\n a = 1 \r\nb:2\nc 3\n d\t:\t4\ne\nf==5\n";
        let expected = [
            pair("a", "1", 4),
            pair("b", "2", 5),
            pair("c", "3", 6),
            pair("d", "4", 7),
            pair("e", "", 8),
            pair("f", "=5", 9),
        ];
        assert_eq!(pairs(text), expected);
    }

    #[test]
    fn continuations_join_lines_and_count_them() {
        let text = "a=one,\\\n   two\\\\\nb=3\nc=end\\";
        let expected = [pair("a", "one,two\\", 1), pair("b", "3", 3), pair("c", "end", 4)];
        assert_eq!(pairs(text), expected);
    }

    #[test]
    fn escapes_in_keys_and_values() {
        let text = "a\\=b\\ c=x\\ty\\u0041\\:\\q";
        assert_eq!(pairs(text), [pair("a=b c", "x\tyA:q", 1)]);
    }

    #[test]
    fn a_broken_unicode_escape_is_an_error_with_its_line() {
        for text in ["a=1\nb=\\u12", "a=1\nb=\\uzzzz", "a=1\nb=\\ud800", "a=1\nb=\\u+123"] {
            assert_eq!(parse(text).err(), Some(ConfigError::BadEscape { line: 2 }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_text_of_special_characters_panics(text in "[\\\\u0=: \\n\\r#a]{0,60}") {
            let _ = parse(&text);
        }
    }
}
