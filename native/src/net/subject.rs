//! The subject of a certificate as text, which is how access lists name its owner.
//!
//! RFC 2253, in exactly the form of Java's `X500Principal.getName()`: the name that an access list
//! has must be the same text, byte by byte.

/// The attribute types that have a word (RFC 2253, section 2.3), by their DER bytes.
const WORDS: [(&[u8], &str); 9] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "STREET"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
];
/// The string types whose bytes are shown as UTF-8, whatever they are: UTF8String,
/// PrintableString, T61String, IA5String, GeneralString, BMPString. Others are shown in hex.
const TEXT: [u8; 6] = [0x0c, 0x13, 0x14, 0x16, 0x1b, 0x1e];
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const ESCAPED: &str = ",=+<>#;\"\\";

/// The text of a subject, given the content of its outermost DER sequence.
///
/// `None` if it is no DER of a name.
pub fn rfc2253(mut subject: &[u8]) -> Option<String> {
    let mut names = Vec::new();
    while !subject.is_empty() {
        let mut set = Value::take_of(&mut subject, SET)?.content;
        let mut parts = Vec::new();
        while !set.is_empty() {
            let pair = Value::take_of(&mut set, SEQUENCE)?.content;
            parts.push(attribute(pair)?);
        }
        names.push(parts.join("+"));
    }
    names.reverse();
    Some(names.join(","))
}

/// `type=value`.
fn attribute(mut pair: &[u8]) -> Option<String> {
    let id = Value::take_of(&mut pair, OBJECT_IDENTIFIER)?.content;
    let value = Value::take(&mut pair)?;
    let word = WORDS.iter().find(|(known, _)| *known == id).map(|(_, word)| *word);
    match word {
        Some(word) if TEXT.contains(&value.tag) => {
            Some(format!("{word}={}", escaped(&String::from_utf8_lossy(value.content))))
        }
        Some(word) => Some(format!("{word}={}", hex(value.whole))),
        None => Some(format!("{}={}", dotted(id)?, hex(value.whole))),
    }
}

fn escaped(text: &str) -> String {
    let is_blank = |c: char| c == ' ' || c == '\r';
    let after_lead = text.len() - text.trim_start_matches(is_blank).len();
    let before_trail = text.trim_end_matches(is_blank).len();
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c == '\0' {
            escaped.push_str("\\00");
            continue;
        }
        if ESCAPED.contains(c) || at < after_lead || at >= before_trail {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    std::iter::once(String::from("#")).chain(digits).collect()
}

/// An object identifier as numbers: X.690, section 8.19.
fn dotted(id: &[u8]) -> Option<String> {
    let mut numbers = Vec::new();
    let mut number: u64 = 0;
    for byte in id {
        number = number.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 != 0 {
            continue;
        }
        if numbers.is_empty() {
            // The first two numbers are one: 40 times the first, at most 2, and the second.
            let first = (number / 40).min(2);
            numbers.push(first.to_string());
            number -= 40 * first;
        }
        numbers.push(number.to_string());
        number = 0;
    }
    (!numbers.is_empty()).then(|| numbers.join("."))
}

/// One value of DER.
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    /// Tag and length included.
    whole: &'a [u8],
}

impl<'a> Value<'a> {
    fn take(from: &mut &'a [u8]) -> Option<Value<'a>> {
        let all = *from;
        let (&tag, rest) = all.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            // 3 bytes are 16 MB, more than any certificate has.
            0x81..=0x83 => {
                let (length, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        *from = after;
        Some(Value { tag, content, whole: &all[..all.len() - after.len()] })
    }

    fn take_of(from: &mut &'a [u8], tag: u8) -> Option<Value<'a>> {
        Value::take(from).filter(|value| value.tag == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CN: &[u8] = &[0x55, 4, 3];
    const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];

    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u8::try_from(content.len()).expect("names of tests are short");
        assert!(length < 0x80, "names of tests are short");
        [&[tag, length], &content[..]].concat()
    }

    fn pair(id: &[u8], tag: u8, value: &str) -> Vec<u8> {
        der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[id]), &der(tag, &[value.as_bytes()])])
    }

    /// What `X500Principal.getName()` of Java 17 gives.
    #[test]
    fn names_are_those_of_java() {
        let cases: [(&[u8], u8, &str, &str); 18] = [
            (
                CN,
                0x0c,
                " a,b=c+d<e>f#g;h\"i\\j ",
                "CN=\\ a\\,b\\=c\\+d\\<e\\>f\\#g\\;h\\\"i\\\\j\\ ",
            ),
            (CN, 0x0c, "#x", "CN=\\#x"),
            (CN, 0x0c, "a\0b", "CN=a\\00b"),
            (CN, 0x0c, "\u{e9}\u{4e2d}", "CN=\u{e9}\u{4e2d}"),
            (CN, 0x13, "bob", "CN=bob"),
            (CN, 0x1e, "\0b\0o", "CN=\\00b\\00o"),
            (CN, 0x14, "t61", "CN=t61"),
            (CN, 0x16, "ia5", "CN=ia5"),
            (CN, 0x12, "123", "CN=#1203313233"),
            (CN, 0x1c, "\0\0\0u", "CN=#1c0400000075"),
            (CN, 0x1b, "gen", "CN=gen"),
            (EMAIL, 0x16, "a@b", "1.2.840.113549.1.9.1=#1603614062"),
            (CN, 0x0c, "", "CN="),
            (CN, 0x0c, "  ", "CN=\\ \\ "),
            (CN, 0x0c, "a\rb\r", "CN=a\rb\\\r"),
            (CN, 0x0c, "\ta\n", "CN=\ta\n"),
            (CN, 0x0c, "a/b'c(d)*&", "CN=a/b'c(d)*&"),
            (&[0x55, 4, 5], 0x13, "v", "2.5.4.5=#130176"),
        ];
        for (id, tag, value, expected) in cases {
            let name = rfc2253(&der(SET, &[&pair(id, tag, value)]));
            assert_eq!(name.as_deref(), Some(expected), "{tag:x} {value:?}");
        }
    }

    #[test]
    fn the_last_name_comes_first() {
        let country = der(SET, &[&pair(&[0x55, 4, 6], 0x13, "DE")]);
        let both = der(SET, &[&pair(&[0x55, 4, 10], 0x0c, "b"), &pair(CN, 0x0c, "a")]);
        let subject = [country, both].concat();
        assert_eq!(rfc2253(&subject).as_deref(), Some("O=b+CN=a,C=DE"));
        assert_eq!(rfc2253(&[]).as_deref(), Some(""));
    }

    #[test]
    fn what_is_cut_off_is_no_name() {
        let whole = der(SET, &[&pair(CN, 0x0c, "bob")]);
        for end in 1..whole.len() {
            assert_eq!(rfc2253(&whole[..end]), None, "{end} bytes");
        }
        assert_eq!(rfc2253(&der(SEQUENCE, &[&pair(CN, 0x0c, "bob")])), None);
        assert_eq!(rfc2253(&[SET, 0x84, 0, 0, 0, 0]), None);
    }
}
