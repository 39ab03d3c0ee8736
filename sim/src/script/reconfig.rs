//! Changes of the ensemble: their text, and the requests that they are.
//!
//! A script names servers by number; their ports are those of every simulated server.

use std::fmt::{self, Display, Formatter};

use zablab_core::config::PeerRole;
use zablab_core::config::dynamic::parse_members;
use zablab_core::types::{ServerId, Zxid};
use zablab_core::wire::client::{ReconfigRequest, Request};

use super::ast::{Reconfig, Sids};
use super::lex::Tokens;
use super::parse::{ParseError, sids};
use super::parse_predicate::zxid;
use crate::given::entry_of;

/// What follows the word `reconfig`.
pub(super) fn parse(tokens: &mut Tokens) -> Result<Reconfig, ParseError> {
    let anew = tokens.take_word("members");
    let mut list = |first: bool, word: &str| {
        let is_there = first || tokens.take_word(word);
        if is_there { numbers(tokens) } else { Ok(Vec::new()) }
    };
    let joining = list(anew, "joining")?;
    let observing = list(false, "observing")?;
    let leaving = if anew { Vec::new() } else { list(false, "leaving")? };
    let from = if tokens.take_word("from") { Some(zxid(tokens)?) } else { None };
    if joining.is_empty() && observing.is_empty() && leaving.is_empty() {
        return tokens.error_before("members, joining, observing or leaving");
    }
    Ok(Reconfig { anew, joining, observing, leaving, from })
}

fn numbers(tokens: &mut Tokens) -> Result<Vec<ServerId>, ParseError> {
    match sids(tokens)? {
        Sids::List(items) => {
            Ok(items.into_iter().flat_map(|(first, last)| first.0..=last.0).map(ServerId).collect())
        }
        Sids::All | Sids::Voters | Sids::Observers | Sids::Up => {
            tokens.error_before("numbers of servers")
        }
    }
}

impl Reconfig {
    /// What a client sends.
    pub(crate) fn request(&self) -> Request {
        let line = |sid: &ServerId, role| format!("server.{sid}={}", entry_of(*sid, role));
        let voters = self.joining.iter().map(|sid| line(sid, PeerRole::Participant));
        let observers = self.observing.iter().map(|sid| line(sid, PeerRole::Observer));
        let lines: Vec<String> = voters.chain(observers).collect();
        let given = |items: &[String]| (!items.is_empty()).then(|| items.join(","));
        let leaving: Vec<String> = self.leaving.iter().map(ServerId::to_string).collect();
        Request::Reconfig(ReconfigRequest {
            joining: given(&lines).filter(|_| !self.anew),
            leaving: given(&leaving),
            new_members: given(&lines).filter(|_| self.anew),
            from_config: self.from.map_or(-1, Zxid::to_wire),
        })
    }

    /// The act that asks for it; `None` if no act does.
    pub(crate) fn of(request: &ReconfigRequest) -> Option<Reconfig> {
        let anew = request.new_members.is_some();
        let lines = request.new_members.as_ref().or(request.joining.as_ref());
        let lines = lines.map_or(String::new(), |lines| lines.replace(',', "\n"));
        let members = parse_members(&lines).ok()?;
        let of_role = |role| {
            let those = members.servers.iter().filter(move |(_, entry)| entry.role == role);
            those.map(|(sid, _)| *sid).collect()
        };
        let leaving = request.leaving.as_deref().unwrap_or_default().split(',');
        let from = Zxid::from_wire(request.from_config);
        Some(Reconfig {
            anew,
            joining: of_role(PeerRole::Participant),
            observing: of_role(PeerRole::Observer),
            leaving: leaving.filter_map(|sid| sid.parse().ok().map(ServerId)).collect(),
            from: (request.from_config >= 0).then_some(from),
        })
    }
}

impl Display for Reconfig {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let first = if self.anew { " members" } else { " joining" };
        f.write_str("reconfig")?;
        let lists =
            [(first, &self.joining), (" observing", &self.observing), (" leaving", &self.leaving)];
        for (word, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            f.write_str(word)?;
            for (index, sid) in list.iter().enumerate() {
                write!(f, "{}{sid}", if index == 0 { ' ' } else { ',' })?;
            }
        }
        match self.from {
            Some(zxid) => write!(f, " from ({},{})", zxid.epoch(), zxid.counter()),
            None => Ok(()),
        }
    }
}
