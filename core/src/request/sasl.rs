//! SASL DIGEST-MD5 as a server: one challenge, one response, one proof in return.
//!
//! Only what proves who somebody is: no protection of what follows (`qop=auth`), no second
//! response to the same challenge. The challenge is Java's, to the byte.
//! Source: RFC 2831; Java's `DigestMD5Server` with `SaslServerCallbackHandler`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use crate::config::Password;
use crate::sorted::SortedMap;

/// The realm, and the host in the client's `digest-uri`: what Java's servers and clients say.
const REALM: &str = "zk-sasl-md5";
/// The client's `digest-uri`.
const URI: &str = "zookeeper/zk-sasl-md5";
/// The longest response that is looked at, in bytes (RFC 2831, section 2.1.2).
const RESPONSE_LEN_MAX: usize = 4096;

/// Why a client's token is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The server has no users.
    #[error("this server has no SASL users")]
    Disabled,
    /// The exchange does not begin with an empty token.
    #[error("the exchange does not begin with an empty token")]
    InitialResponse,
    /// The token is no list of directives.
    #[error("the response is no list of directives")]
    Syntax,
    /// A directive is missing, given twice, or not what this exchange needs.
    #[error("{directive} is missing or wrong")]
    Directive {
        /// Which.
        directive: &'static str,
    },
    /// No such user, or another password.
    #[error("the user or the password is wrong")]
    Refused,
    /// The exchange is over.
    #[error("the exchange is over")]
    Over,
}

/// How far an exchange is.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub enum Exchange {
    /// Nothing was said yet.
    #[default]
    New,
    /// The challenge was sent.
    Challenged {
        /// The server's nonce.
        nonce: String,
    },
    /// Nothing more may be said.
    Over,
}

/// What a token is answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The server's token.
    pub token: String,
    /// Who the client has proved to be.
    pub user: Option<String>,
}

impl Exchange {
    /// Takes the client's next token. `nonce` is one that nobody can know before, for a challenge.
    ///
    /// # Errors
    /// Why the client has proved nothing; the exchange is over then.
    pub fn take(
        &mut self,
        users: &SortedMap<String, Password>,
        token: &[u8],
        nonce: impl FnOnce() -> String,
    ) -> Result<Step, SaslError> {
        match core::mem::replace(self, Exchange::Over) {
            Exchange::New if !token.is_empty() => Err(SaslError::InitialResponse),
            Exchange::New => {
                let nonce = nonce();
                let token =
                    format!("realm=\"{REALM}\",nonce=\"{nonce}\",charset=utf-8,algorithm=md5-sess");
                *self = Exchange::Challenged { nonce };
                Ok(Step { token, user: None })
            }
            Exchange::Challenged { nonce } => judge(users, &nonce, token),
            Exchange::Over => Err(SaslError::Over),
        }
    }
}

/// A nonce from what only this server knows and a number that it uses once.
pub fn nonce_of(secret: &[u8; 32], number: u64) -> String {
    let mut hash = sha1_smol::Sha1::from(secret);
    hash.update(&number.to_be_bytes());
    STANDARD.encode(hash.digest().bytes())
}

fn judge(
    users: &SortedMap<String, Password>,
    nonce: &str,
    token: &[u8],
) -> Result<Step, SaslError> {
    let given = directives(token)?;
    let get = |directive: &'static str| {
        let found = given.get(directive).map(Vec::as_slice);
        found.ok_or(SaslError::Directive { directive })
    };
    let is = |directive: &'static str, expected: &str| match get(directive)? == expected.as_bytes()
    {
        true => Ok(()),
        false => Err(SaslError::Directive { directive }),
    };
    let utf8 = match given.get("charset") {
        None => false,
        Some(charset) if charset == b"utf-8" => true,
        Some(_) => return Err(SaslError::Directive { directive: "charset" }),
    };
    is("realm", REALM)?;
    is("nonce", nonce)?;
    is("nc", "00000001")?; // each challenge is answered once
    if given.contains_key("qop") {
        is("qop", "auth")?;
    }
    let uri = get("digest-uri")?;
    if !uri.eq_ignore_ascii_case(URI.as_bytes()) {
        return Err(SaslError::Directive { directive: "digest-uri" });
    }
    let username = text(get("username")?, utf8)?;
    // Who speaks for somebody else is nobody here.
    if given.get("authzid").is_some_and(|other| other != username.as_bytes()) {
        return Err(SaslError::Directive { directive: "authzid" });
    }
    let password = users.get(&username).ok_or(SaslError::Refused)?;
    let proof = Proof {
        username: &username,
        realm: REALM,
        password: password.reveal(),
        nonce,
        cnonce: get("cnonce")?,
        uri,
        authzid: given.get("authzid").map(Vec::as_slice),
        utf8,
    };
    if !is_same(get("response")?, proof.response("AUTHENTICATE").as_bytes()) {
        return Err(SaslError::Refused);
    }
    Ok(Step { token: format!("rspauth={}", proof.response("")), user: Some(username) })
}

/// What both sides know, and hash.
struct Proof<'a> {
    username: &'a str,
    realm: &'a str,
    password: &'a str,
    nonce: &'a str,
    cnonce: &'a [u8],
    uri: &'a [u8],
    authzid: Option<&'a [u8]>,
    utf8: bool,
}

impl Proof<'_> {
    /// The `response` directive, or without a method the `rspauth` (RFC 2831, sections 2.1.2.1 and
    /// 2.1.3).
    fn response(&self, method: &str) -> String {
        let hashed = |text| encoded(text, self.utf8);
        let secret = join(&[&hashed(self.username), &hashed(self.realm), &hashed(self.password)]);
        let mut a1 = Vec::from(&Md5::digest(secret)[..]);
        for part in [Some(self.nonce.as_bytes()), Some(self.cnonce), self.authzid] {
            let Some(part) = part else { continue };
            a1.push(b':');
            a1.extend_from_slice(part);
        }
        let (a1, a2) = (hex(&a1), hex(&join(&[method.as_bytes(), self.uri])));
        let nonce = self.nonce.as_bytes();
        hex(&join(&[a1.as_bytes(), nonce, b"00000001", self.cnonce, b"auth", a2.as_bytes()]))
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(&b':')
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Md5::digest(bytes) {
        write!(text, "{byte:02x}").expect("a String takes any text");
    }
    text
}

/// The bytes of a name or password that are hashed: ISO 8859-1 if it can say it, else UTF-8.
fn encoded(text: &str, utf8: bool) -> Vec<u8> {
    let latin: Option<Vec<u8>> =
        text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
    match latin {
        Some(latin) => latin,
        None if utf8 => Vec::from(text),
        None => Vec::new(), // no client without UTF-8 can have said it
    }
}

fn text(bytes: &[u8], utf8: bool) -> Result<String, SaslError> {
    if utf8 {
        let text = core::str::from_utf8(bytes).map_err(|_| SaslError::Syntax)?;
        return Ok(String::from(text));
    }
    Ok(bytes.iter().map(|byte| char::from(*byte)).collect())
}

/// Compares without telling by the time it takes where the difference is.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// `name=value`, `name="value"`, with commas between: no name twice.
fn directives(token: &[u8]) -> Result<SortedMap<String, Vec<u8>>, SaslError> {
    if token.len() > RESPONSE_LEN_MAX {
        return Err(SaslError::Syntax);
    }
    let mut found = SortedMap::new();
    let mut rest = token.trim_ascii();
    while !rest.is_empty() {
        let equals = rest.iter().position(|byte| *byte == b'=').ok_or(SaslError::Syntax)?;
        let name = core::str::from_utf8(rest[..equals].trim_ascii());
        let name = name.map_err(|_| SaslError::Syntax)?;
        let (value, behind) = value(rest[equals + 1..].trim_ascii_start())?;
        if name.is_empty() || found.insert(String::from(name), value).is_some() {
            return Err(SaslError::Syntax);
        }
        rest = behind.trim_ascii_start();
        if let [b',', next @ ..] = rest {
            rest = next.trim_ascii_start();
        } else if !rest.is_empty() {
            return Err(SaslError::Syntax);
        }
    }
    Ok(found)
}

/// A value, and what is behind it.
fn value(text: &[u8]) -> Result<(Vec<u8>, &[u8]), SaslError> {
    let [b'"', quoted @ ..] = text else {
        let end = text.iter().position(|byte| *byte == b',').unwrap_or(text.len());
        return Ok((Vec::from(text[..end].trim_ascii_end()), &text[end..]));
    };
    let mut value = Vec::new();
    let mut bytes = quoted;
    loop {
        match bytes {
            [b'"', behind @ ..] => return Ok((value, behind)),
            [b'\\', escaped, behind @ ..] => {
                value.push(*escaped);
                bytes = behind;
            }
            [byte, behind @ ..] => {
                value.push(*byte);
                bytes = behind;
            }
            [] => return Err(SaslError::Syntax),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONCE: &str = "OA6MG9tEQGm2hh";

    fn users() -> SortedMap<String, Password> {
        let users = [("bob", "bobsecret"), ("jürgen", "größe"), ("愛", "密碼")];
        users.into_iter().map(|(user, secret)| (user.into(), Password::new(secret))).collect()
    }

    fn challenged() -> Exchange {
        let mut exchange = Exchange::default();
        let step = exchange.take(&users(), b"", || NONCE.into()).expect("it begins");
        let expected = "realm=\"zk-sasl-md5\",nonce=\"OA6MG9tEQGm2hh\",charset=utf-8,\
                        algorithm=md5-sess";
        assert_eq!(step, Step { token: expected.into(), user: None });
        exchange
    }

    fn proof<'a>(username: &'a str, password: &'a str, utf8: bool) -> Proof<'a> {
        let (cnonce, uri) = (&b"OA6MHXh6VqTrRk"[..], URI.as_bytes());
        let authzid = None;
        Proof { username, realm: REALM, password, nonce: NONCE, cnonce, uri, authzid, utf8 }
    }

    fn token(proof: &Proof<'_>) -> String {
        format!(
            "charset=utf-8,username=\"{}\",realm=\"zk-sasl-md5\",nonce=\"{NONCE}\",nc=00000001,\
             cnonce=\"OA6MHXh6VqTrRk\",digest-uri=\"{URI}\",maxbuf=65536,response={},qop=auth",
            proof.username,
            proof.response("AUTHENTICATE")
        )
    }

    /// The two examples of RFC 2831, section 4.
    #[test]
    fn hashes_are_those_of_the_standard() {
        let imap = Proof {
            username: "chris",
            realm: "elwood.innosoft.com",
            password: "secret",
            nonce: NONCE,
            cnonce: b"OA6MHXh6VqTrRk",
            uri: b"imap/elwood.innosoft.com",
            authzid: None,
            utf8: true,
        };
        assert_eq!(imap.response("AUTHENTICATE"), "d388dad90d4bbd760a152321f2143af7");
        assert_eq!(imap.response(""), "ea40f60335c427b5527b84dbabcdfffd");
        let uri = b"acap/elwood.innosoft.com";
        let acap = Proof { nonce: "OA9BSXrbuRhWay", cnonce: b"OA9BSuZWMSpW8m", uri, ..imap };
        assert_eq!(acap.response("AUTHENTICATE"), "6084c6db3fede7352c551284490fd0fc");
        assert_eq!(acap.response(""), "2f0b3d7c3c2e486600ef710726aa2eae");
    }

    #[test]
    fn who_knows_the_password_is_told_so() {
        for (username, password) in [("bob", "bobsecret"), ("jürgen", "größe"), ("愛", "密碼")]
        {
            let proof = proof(username, password, true);
            let mut exchange = challenged();
            let step = exchange.take(&users(), token(&proof).as_bytes(), String::new);
            let expected = format!("rspauth={}", proof.response(""));
            assert_eq!(step, Ok(Step { token: expected, user: Some(username.into()) }));
            assert_eq!(exchange.take(&users(), b"", String::new), Err(SaslError::Over));
        }
    }

    #[test]
    fn everything_else_proves_nothing() {
        let refuse = |token: &str| {
            let mut exchange = challenged();
            let error = exchange.take(&users(), token.as_bytes(), String::new);
            assert_eq!(exchange.take(&users(), b"", String::new), Err(SaslError::Over), "{token}");
            error.expect_err(token)
        };
        let good = token(&proof("bob", "bobsecret", true));
        assert_eq!(refuse(&token(&proof("bob", "wrong", true))), SaslError::Refused);
        assert_eq!(refuse(&token(&proof("eve", "bobsecret", true))), SaslError::Refused);
        for (from, to, directive) in [
            ("nc=00000001", "nc=00000002", "nc"),
            (NONCE, "another", "nonce"),
            ("realm=\"zk-sasl-md5\"", "realm=\"other\"", "realm"),
            ("zookeeper/", "imap/", "digest-uri"),
            ("qop=auth", "qop=auth-int", "qop"),
            ("qop=auth", "authzid=eve", "authzid"),
            ("charset=utf-8", "charset=utf-7", "charset"),
            ("response=", "answer=", "response"),
            ("cnonce=", "mynonce=", "cnonce"),
        ] {
            assert_eq!(refuse(&good.replace(from, to)), SaslError::Directive { directive }, "{to}");
        }
        for broken in ["username=\"bob", "username", "=x", "a=1,a=2", "a=\"1\"b", "\u{0}"] {
            assert_eq!(refuse(broken), SaslError::Syntax, "{broken:?}");
        }
        assert_eq!(refuse(""), SaslError::Directive { directive: "realm" });
        let mut eager = Exchange::default();
        let first = eager.take(&users(), good.as_bytes(), String::new);
        assert_eq!(first, Err(SaslError::InitialResponse));
    }

    #[test]
    fn nonces_differ_by_secret_and_number() {
        let nonce = nonce_of(&[0; 32], 1);
        assert_eq!(nonce.len(), 28);
        assert!(nonce != nonce_of(&[0; 32], 2) && nonce != nonce_of(&[1; 32], 1));
    }

    proptest! {
        #[test]
        fn no_token_panics(token in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = challenged().take(&users(), &token, String::new);
        }

        #[test]
        fn no_directives_panic(token in "([a-z-]{1,8}=(\"?[a-z\\\\,]{0,8}\"?)[, ]{0,2}){0,6}") {
            let _ = directives(token.as_bytes());
        }
    }
}
