//! Distinguished names, as access lists of the scheme `x509` name the subjects of certificates.
//!
//! Only whether a text is one; who makes the text of a certificate (the driver) and who compares
//! texts is elsewhere. Source: Java's `X500Principal(String)`, which takes the forms of RFC 1779
//! and RFC 2253.

/// The attribute types that have a word; others are object identifiers.
const WORDS: [&str; 21] = [
    "C",
    "CN",
    "DC",
    "DNQ",
    "DNQUALIFIER",
    "EMAIL",
    "EMAILADDRESS",
    "GENERATION",
    "GIVENNAME",
    "INITIALS",
    "IP",
    "L",
    "O",
    "OU",
    "S",
    "SERIALNUMBER",
    "ST",
    "STREET",
    "SURNAME",
    "T",
    "UID",
];
/// What may stand behind a backslash, beside two hexadecimal digits.
const ESCAPABLE: &str = ",+=<>#;\\\" \n";

/// Whether a text is a distinguished name; the empty one is.
pub fn is_distinguished_name(name: &str) -> bool {
    if name.is_empty() {
        return true;
    }
    let mut rest = name;
    loop {
        let Some((attribute, value)) = rest.split_once('=') else { return false };
        let Some(after) = after_value(value.trim_start_matches([' ', '\n'])) else { return false };
        if !is_type(attribute.trim()) {
            return false;
        }
        match after {
            "" => return true,
            more => rest = &more[1..],
        }
    }
}

fn is_type(name: &str) -> bool {
    let name = match name.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("OID.") => &name[4..],
        _ if WORDS.iter().any(|word| word.eq_ignore_ascii_case(name)) => return true,
        _ => name,
    };
    let mut parts = name.split('.').map(|part| part.parse::<u32>().ok());
    matches!(parts.next(), Some(Some(0..=2)))
        && matches!(parts.next(), Some(Some(_)))
        && parts.all(|part| part.is_some())
}

/// What follows a value: nothing, or a separator and more; `None` if it is no value.
fn after_value(value: &str) -> Option<&str> {
    let is_hex = value.starts_with('#');
    let is_quoted = value.starts_with('"');
    let start = usize::from(is_hex || is_quoted);
    let mut closed = false;
    let mut chars = value.char_indices().skip(start);
    let mut end = value.len();
    while let Some((at, c)) = chars.next() {
        match c {
            ' ' | '\n' if closed => {}
            ',' | ';' | '+' if closed || !is_quoted => {
                end = at;
                break;
            }
            _ if closed => return None,
            '"' if is_quoted => closed = true,
            '\\' => {
                let (_, escaped) = chars.next()?;
                if !ESCAPABLE.contains(escaped) {
                    let (_, low) = chars.next()?;
                    (escaped.is_ascii_hexdigit() && low.is_ascii_hexdigit()).then_some(())?;
                }
            }
            '<' | '>' | '"' if !is_quoted => return None,
            _ => {}
        }
    }
    let text = &value[start..end];
    let digits = text.trim_end_matches([' ', '\n']);
    let is_right = match (is_hex, is_quoted) {
        (true, _) => {
            let even = !digits.is_empty() && digits.len().is_multiple_of(2);
            even && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        }
        (_, true) => closed,
        (false, false) => true,
    };
    is_right.then_some(&value[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `X500Principal` of Java 17 takes and refuses.
    #[test]
    fn names_are_those_of_java() {
        let names = [
            "",
            "CN=bob",
            "CN=",
            "CN=a,O=b",
            "CN=a;O=b",
            "CN=a+O=b",
            "1.2.3=b",
            "OID.1.2.3=b",
            "cn=b",
            "EMAILADDRESS=a@b",
            "CN=\"a,b\"",
            "CN=a\\,b",
            "1.2.3=#0401ff",
            "CN=a=b",
            "CN=a:b",
            "CN = a",
            "S=x",
            "T=x",
            "DNQ=x",
            "GIVENNAME=x",
            "SURNAME=x",
            "UID=x",
            "CN=a#b",
            "CN=a\nb",
            " CN=a ",
            "CN=\\ff",
            "CN=\u{e9}\u{4e2d}, O=b",
        ];
        for name in names {
            assert!(is_distinguished_name(name), "{name}");
        }
        let others = [
            "bob",
            "=x",
            "CN=a,",
            "CN=a,,O=b",
            "xyz=b",
            "E=a@b",
            "CN=\"a",
            "CN=a\\",
            "1.2.3=#zz",
            "CN=a<b",
            "anyone",
            "CN=#zz",
            "1=x",
            "3.2.3=b",
            "CN=a>b",
            "CN=a\"b",
            "CN=\\4",
            "CN=\\zz",
            "CN=\"a\"b",
            "CN=#123",
            "\u{e9}\u{e9}=x",
            "CN=\\",
            ",",
            "+",
        ];
        for other in others {
            assert!(!is_distinguished_name(other), "{other}");
        }
    }
}
