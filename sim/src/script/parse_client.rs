//! Reads what clients do.

use zablab_core::client::parse_acl;
use zablab_core::recipes::{Patience, Verb, Wish};
use zablab_core::txn::Acl;

use super::VALUE_LEN_MAX;
use super::ast::{ClientAct, Data, Part, Read, Write};
use super::lex::{Token, Tokens};
use super::parse::{ParseError, repeat, sids, text};
use super::reconfig;

pub(super) fn client_act(tokens: &mut Tokens) -> Result<ClientAct, ParseError> {
    let word = tokens.word("what the client does")?;
    match word.as_str() {
        "connect" => {
            let to = sids(tokens)?;
            let asks = tokens.take_word("timeout");
            let timeout_us = if asks { Some(tokens.duration_us()?) } else { None };
            let read_only = tokens.take_word("read-only");
            Ok(ClientAct::Connect { to, timeout_us, read_only })
        }
        "disconnect" => Ok(ClientAct::Disconnect),
        "crash" => Ok(ClientAct::Crash),
        "pause" => Ok(ClientAct::Pause),
        "resume" => Ok(ClientAct::Resume),
        "close" => Ok(ClientAct::Close),
        "sync" => Ok(ClientAct::Sync(tokens.path()?)),
        "reconfig" => Ok(ClientAct::Reconfig(reconfig::parse(tokens)?)),
        "auth" => {
            let scheme = tokens.word("a scheme, such as digest")?;
            Ok(ClientAct::Auth { scheme, secret: tokens.string()? })
        }
        "get-acl" => {
            let path = tokens.path()?;
            Ok(ClientAct::Read { what: Read::Acl, path, watch: false, times: 1 })
        }
        "set-acl" => {
            let (path, acl) = (tokens.path()?, acl(tokens)?);
            Ok(ClientAct::SetAcl { path, acl, version: optional_version(tokens)? })
        }
        "add-watch" => {
            let path = tokens.path()?;
            Ok(ClientAct::AddWatch { path, recursive: tokens.take_word("recursive") })
        }
        "remove-watches" => Ok(ClientAct::RemoveWatches(tokens.path()?)),
        "get" => read(Read::Get, tokens),
        "exists" => read(Read::Exists, tokens),
        "children" => read(Read::Children, tokens),
        "multi" => multi(tokens),
        "create" | "set" | "delete" => {
            let write = write(&word, tokens)?;
            let times = if tokens.take_word("times") { repeat(tokens)? } else { 1 };
            Ok(ClientAct::Write { write, times })
        }
        _ if verb(&word).is_some() => recipe(&word, tokens),
        _ => tokens.error_before(
            "a recipe's word or one of connect disconnect crash pause resume close create set delete \
             multi get exists children sync auth get-acl set-acl add-watch remove-watches reconfig",
        ),
    }
}

fn verb(word: &str) -> Option<Verb> {
    Verb::ALL.iter().copied().find(|verb| verb.name() == word)
}

fn recipe(word: &str, tokens: &mut Tokens) -> Result<ClientAct, ParseError> {
    let Some(verb) = verb(word) else { return tokens.error_before("a recipe's word") };
    let path = tokens.path()?.as_str().into();
    let mut ask = Wish {
        verb,
        path,
        number: 0,
        text: text(tokens)?,
        patience: Patience::Forever,
        hold_ms: 0,
    };
    if tokens.take_word("number") {
        ask.number = tokens.number_u32("how many", 1)?;
    }
    if tokens.take_word("try") {
        ask.patience = Patience::Try;
    } else if tokens.take_word("within") {
        ask.patience = Patience::Within(milliseconds(tokens)?);
    }
    if tokens.take_word("for") {
        ask.hold_ms = milliseconds(tokens)?;
    }
    Ok(ClientAct::Recipe(ask))
}

fn milliseconds(tokens: &mut Tokens) -> Result<u32, ParseError> {
    let ms = tokens.duration_us()? / 1000;
    Ok(u32::try_from(ms).expect("a duration is at most an hour"))
}

fn read(what: Read, tokens: &mut Tokens) -> Result<ClientAct, ParseError> {
    let (path, watch) = (tokens.path()?, tokens.take_word("watch"));
    let times = if tokens.take_word("times") { repeat(tokens)? } else { 1 };
    Ok(ClientAct::Read { what, path, watch, times })
}

fn multi(tokens: &mut Tokens) -> Result<ClientAct, ParseError> {
    tokens.sign("{")?;
    let mut parts = Vec::new();
    loop {
        let word = tokens.word("create, set, delete or check")?;
        if word == "check" {
            let path = tokens.path()?;
            tokens.keyword("version")?;
            parts.push(Part::Check(path, version(tokens)?));
        } else {
            parts.push(Part::Write(write(&word, tokens)?));
        }
        if tokens.take_sign("}") {
            return Ok(ClientAct::Multi(parts));
        }
        tokens.sign(";")?;
    }
}

fn write(word: &str, tokens: &mut Tokens) -> Result<Write, ParseError> {
    match word {
        "create" => {
            let path = tokens.path()?;
            let data = data(tokens)?;
            let ephemeral = tokens.take_word("ephemeral");
            let sequential = tokens.take_word("sequential");
            let acl = if tokens.take_word("acl") { Some(acl(tokens)?) } else { None };
            Ok(Write::Create { path, data, ephemeral, sequential, acl })
        }
        "set" => {
            let (path, data) = (tokens.path()?, value(tokens)?);
            Ok(Write::Set { path, data, version: optional_version(tokens)? })
        }
        "delete" => Ok(Write::Delete { path: tokens.path()?, version: optional_version(tokens)? }),
        _ => tokens.error_before("create, set or delete"),
    }
}

fn value(tokens: &mut Tokens) -> Result<Data, ParseError> {
    if tokens.take_word("bytes") {
        let size = tokens.number("a number of bytes", 0, i128::from(VALUE_LEN_MAX))?;
        return Ok(Data::Size(u32::try_from(size).expect("within the limits just checked")));
    }
    Ok(Data::Text(tokens.string()?))
}

fn data(tokens: &mut Tokens) -> Result<Data, ParseError> {
    let has = matches!(tokens.peek(), Some(Token::Str(_)))
        || matches!(tokens.peek(), Some(Token::Word(word)) if word == "bytes");
    if has { value(tokens) } else { Ok(Data::Text(String::new())) }
}

fn acl(tokens: &mut Tokens) -> Result<Vec<Acl>, ParseError> {
    let text = tokens.string()?;
    match parse_acl(&text) {
        Some(acl) => Ok(acl),
        None => tokens.error_before("an access list, such as \"world:anyone:cdrwa\""),
    }
}

fn optional_version(tokens: &mut Tokens) -> Result<Option<i32>, ParseError> {
    let has = tokens.take_word("version");
    if has { Ok(Some(version(tokens)?)) } else { Ok(None) }
}

fn version(tokens: &mut Tokens) -> Result<i32, ParseError> {
    let n = tokens.number("a version", i128::from(i32::MIN), i128::from(i32::MAX))?;
    Ok(i32::try_from(n).expect("within the limits just checked"))
}
