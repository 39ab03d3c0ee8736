//! Reads predicates and event patterns, and checks their types.
//!
//! Not here: lines and acts (see [`super::parse`]).

use zablab_core::types::Zxid;

use super::DEPTH_MAX;
use super::ast::{Call, Comparison, FieldTest, Pattern, Predicate, ServerArg, Sids, Term};
use super::events::fields_of;
use super::lex::{Token, Tokens};
use super::parse::{ParseError, sid, sids, zxid_of};
use super::vocabulary::{ClientFn, Kind, NodeFn, PaxosFn, ServerFn, same_word};
use crate::paxos::number_of;

/// A whole predicate.
pub(super) fn predicate(tokens: &mut Tokens) -> Result<Predicate, ParseError> {
    or(tokens, 0)
}

/// A term and its type; `None` for the literals that fit several types.
pub(super) fn term(tokens: &mut Tokens) -> Result<(Term, Option<Kind>), ParseError> {
    match (tokens.peek(), tokens.peek_second()) {
        (Some(Token::Word(_)), Some(Token::Sign("("))) => {
            let call = call(tokens)?;
            let kind = kind_of(&call);
            Ok((Term::Call(call), Some(kind)))
        }
        (Some(Token::Word(word)), _) if word == "none" => {
            tokens.keyword("none")?;
            Ok((Term::None, None))
        }
        (Some(Token::Word(word)), _) if tokens.scope.contains(word) => {
            Ok((Term::Variable(tokens.word("a variable")?), Some(Kind::Int)))
        }
        _ => Ok((literal(tokens)?, None)),
    }
}

/// A number, a text, a word, a zxid or a vote.
pub(super) fn literal(tokens: &mut Tokens) -> Result<Term, ParseError> {
    match tokens.peek() {
        Some(Token::Number(_, unit)) if unit.is_empty() => {
            Ok(Term::Int(tokens.number("a number", i128::MIN, i128::MAX)?))
        }
        Some(Token::Str(_)) => Ok(Term::Str(tokens.string()?)),
        Some(Token::Path(_)) => Ok(Term::Str(tokens.path()?)),
        Some(Token::Word(word)) => match number_of(word) {
            Some(process) => {
                tokens.take();
                Ok(Term::Int(i128::from(process.0)))
            }
            None => Ok(Term::Word(tokens.word("a word")?)),
        },
        Some(Token::Sign("(")) => pair(tokens),
        Some(Token::Number(..) | Token::Sign(_)) | None => tokens.error("a term"),
    }
}

/// A zxid.
pub(super) fn zxid(tokens: &mut Tokens) -> Result<Zxid, ParseError> {
    tokens.sign("(")?;
    let epoch = tokens.number_u32("an epoch", 0)?;
    tokens.sign(",")?;
    let counter = tokens.number_u32("a counter", 0)?;
    tokens.sign(")")?;
    Ok(zxid_of(epoch, counter))
}

fn pair(tokens: &mut Tokens) -> Result<Term, ParseError> {
    tokens.sign("(")?;
    let first = tokens.number("a number", i128::from(i64::MIN), i128::from(i64::MAX))?;
    tokens.sign(",")?;
    let term = if matches!(tokens.peek(), Some(Token::Sign("("))) {
        let zxid = zxid(tokens)?;
        Term::Vote(first, zxid.epoch().0, zxid.counter())
    } else if matches!(tokens.peek(), Some(Token::Str(_))) {
        Term::Proposal(first, tokens.string()?)
    } else if let Some(Token::Word(name)) = tokens.peek()
        && let Some(process) = number_of(name)
    {
        tokens.take();
        Term::Pair(first, i128::from(process.0))
    } else {
        Term::Pair(first, tokens.number("a number", 0, i128::from(u32::MAX))?)
    };
    tokens.sign(")")?;
    Ok(term)
}

/// An event's name, tests of its fields, and since when.
pub(super) fn pattern(tokens: &mut Tokens) -> Result<Pattern, ParseError> {
    let event = tokens.word("an event's name")?;
    let Some(known) = fields_of(&event) else {
        return tokens.error_before("the name of an event in the trace");
    };
    let mut fields = Vec::new();
    let mut since = None;
    while let Some(Token::Word(word)) = tokens.peek() {
        if matches!(word.as_str(), "times" | "within") {
            break;
        }
        if tokens.take_word("since") {
            since = Some(tokens.word("a mark's name")?);
            break;
        }
        fields.push(field_test(tokens, known)?);
    }
    Ok(Pattern { event, fields, since })
}

fn field_test(tokens: &mut Tokens, known: &[&str]) -> Result<FieldTest, ParseError> {
    let mut field = tokens.word("a field's name")?;
    if field != "server" && !known.contains(&field.as_str()) {
        return tokens.error_before(format!("one of server {}", known.join(" ")));
    }
    while tokens.take_sign(".") {
        field.push('.');
        match tokens.peek() {
            Some(Token::Number(index, unit)) if unit.is_empty() => {
                field.push_str(&index.to_string());
                tokens.take();
            }
            _ => field.push_str(&tokens.word("a field's name")?),
        }
    }
    let equal = tokens.take_sign("=");
    if !equal && !tokens.take_sign("!=") {
        return tokens.error("\"=\" or \"!=\"");
    }
    let mut values = vec![field_value(tokens)?];
    while tokens.take_sign("|") {
        values.push(field_value(tokens)?);
    }
    Ok(FieldTest { field, equal, values })
}

fn field_value(tokens: &mut Tokens) -> Result<Term, ParseError> {
    match tokens.peek() {
        Some(Token::Word(word)) if word == "none" || tokens.scope.contains(word) => {
            Ok(term(tokens)?.0)
        }
        _ => literal(tokens),
    }
}

fn or(tokens: &mut Tokens, depth: u32) -> Result<Predicate, ParseError> {
    let mut parts = vec![and(tokens, depth)?];
    while tokens.take_word("or") {
        parts.push(and(tokens, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Predicate::Or(parts) })
}

fn and(tokens: &mut Tokens, depth: u32) -> Result<Predicate, ParseError> {
    let mut parts = vec![not(tokens, depth)?];
    while tokens.take_word("and") {
        parts.push(not(tokens, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Predicate::And(parts) })
}

fn not(tokens: &mut Tokens, depth: u32) -> Result<Predicate, ParseError> {
    if depth >= DEPTH_MAX {
        return tokens.error(format!("at most {DEPTH_MAX} levels"));
    }
    if tokens.take_word("not") {
        return Ok(Predicate::Not(Box::new(not(tokens, depth + 1)?)));
    }
    if let (Some(Token::Word(word)), Some(Token::Sign("("))) = (tokens.peek(), tokens.peek_second())
        && matches!(word.as_str(), "all" | "any")
    {
        return each(tokens, depth);
    }
    if matches!(tokens.peek(), Some(Token::Sign("("))) && !starts_pair(tokens) {
        tokens.sign("(")?;
        let inner = or(tokens, depth + 1)?;
        tokens.sign(")")?;
        return Ok(inner);
    }
    comparison(tokens)
}

/// A pair begins with a number and a comma; a predicate in parentheses never does.
fn starts_pair(tokens: &Tokens) -> bool {
    let mut ahead = tokens.clone();
    ahead.take();
    ahead.take();
    matches!(ahead.peek(), Some(Token::Sign(",")))
}

fn each(tokens: &mut Tokens, depth: u32) -> Result<Predicate, ParseError> {
    let all = tokens.take_word("all");
    if !all {
        tokens.keyword("any")?;
    }
    tokens.sign("(")?;
    let variable = tokens.word("a variable's name")?;
    let is_name = variable.chars().all(|c| c.is_ascii_lowercase());
    if !is_name || matches!(variable.as_str(), "none" | "not" | "and" | "or") {
        return tokens.error_before("a variable's name in lower-case letters");
    }
    tokens.keyword("in")?;
    let set = if tokens.take_word("up") { Sids::Up } else { sids(tokens)? };
    tokens.sign(":")?;
    tokens.scope.push(variable.clone());
    let body = Box::new(or(tokens, depth + 1)?);
    tokens.scope.pop();
    tokens.sign(")")?;
    Ok(Predicate::Each { all, variable, set, body })
}

fn comparison(tokens: &mut Tokens) -> Result<Predicate, ParseError> {
    let (left, left_kind) = term(tokens)?;
    let at_sign = tokens.clone();
    let Some(comparison) = take_comparison(tokens) else {
        return match (left, left_kind) {
            (Term::Call(call), Some(Kind::Bool)) => Ok(Predicate::Truth(call)),
            _ => tokens.error("a comparison such as \"==\""),
        };
    };
    let at_right = tokens.clone();
    let (right, right_kind) = term(tokens)?;
    let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    let fits = match (left_kind, right_kind) {
        (Some(a), Some(b)) => (a == b).then_some(a),
        (Some(kind), None) => fits(&right, kind).then_some(kind),
        (None, Some(kind)) => fits(&left, kind).then_some(kind),
        (None, None) => None,
    };
    match fits {
        None => match left_kind.or(right_kind) {
            Some(kind) => at_right.error(kind.describe()),
            None => at_right.error("a function on one side"),
        },
        Some(Kind::Bool) => at_right.error("a function that is not yes or no"),
        Some(Kind::Word(_) | Kind::Str | Kind::Vote | Kind::Ballot | Kind::Proposal) if ordered => {
            at_sign.error("\"==\" or \"!=\" between these")
        }
        Some(_) => Ok(Predicate::Compare(left, comparison, right)),
    }
}

fn take_comparison(tokens: &mut Tokens) -> Option<Comparison> {
    let all = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessEqual),
        (">=", Comparison::GreaterEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    all.into_iter().find(|(sign, _)| tokens.take_sign(sign)).map(|(_, comparison)| comparison)
}

/// Whether a literal can stand beside a term of this type.
fn fits(literal: &Term, kind: Kind) -> bool {
    match (literal, kind) {
        (Term::None, _) => kind != Kind::Bool,
        (Term::Int(_), Kind::Int) => true,
        (Term::Str(_), Kind::Str) => true,
        (Term::Word(word), Kind::Word(words)) => words.iter().any(|known| same_word(known, word)),
        (Term::Pair(epoch, _), Kind::Zxid) => u32::try_from(*epoch).is_ok(),
        (Term::Pair(..) | Term::Vote(..), Kind::Vote) => true,
        (Term::Int(_) | Term::Pair(..), Kind::Ballot) => true,
        (Term::Proposal(..), Kind::Proposal) => true,
        _ => false,
    }
}

fn kind_of(call: &Call) -> Kind {
    match call {
        Call::Server(function, _) => function.kind(),
        Call::Node(function, _, _) => function.kind(),
        Call::Client(function, _) => function.kind(),
        Call::TreesEqual(_) | Call::Broken(_) => Kind::Bool,
        Call::Count(_) | Call::Time | Call::Steps => Kind::Int,
        Call::Paxos(function, _) => function.kind(),
        Call::Chosen => Kind::Str,
    }
}

fn call(tokens: &mut Tokens) -> Result<Call, ParseError> {
    let at_name = tokens.clone();
    let name = tokens.word("a function")?;
    tokens.sign("(")?;
    let call = if let Some(function) = ServerFn::named(&name) {
        Call::Server(function, server(tokens)?)
    } else if let Some(function) = NodeFn::named(&name) {
        let server = server(tokens)?;
        tokens.sign(",")?;
        Call::Node(function, server, tokens.path()?)
    } else if let Some(function) = ClientFn::named(&name) {
        Call::Client(function, tokens.word("a client's name")?)
    } else if name == "trees_equal" {
        Call::TreesEqual(servers(tokens)?)
    } else if name == "count" {
        Call::Count(pattern(tokens)?)
    } else if name == "time" {
        Call::Time
    } else if let Some(function) = PaxosFn::named(&name) {
        Call::Paxos(function, server(tokens)?)
    } else if name == "chosen" {
        Call::Chosen
    } else if name == "broken" {
        Call::Broken(tokens.word("an invariant's id, such as X1")?)
    } else if name == "steps" {
        Call::Steps
    } else {
        return at_name.error("a function's name before \"(\"");
    };
    tokens.sign(")")?;
    Ok(call)
}

fn servers(tokens: &mut Tokens) -> Result<Vec<ServerArg>, ParseError> {
    let mut servers = vec![server(tokens)?];
    while tokens.take_sign(",") {
        servers.push(server(tokens)?);
    }
    Ok(servers)
}

fn server(tokens: &mut Tokens) -> Result<ServerArg, ParseError> {
    match tokens.peek() {
        Some(Token::Word(word)) if tokens.scope.contains(word) => {
            Ok(ServerArg::Variable(tokens.word("a server")?))
        }
        _ => Ok(ServerArg::Sid(sid(tokens)?)),
    }
}
