//! Recipes against a server's answers made by hand: what a lost connection does.

use alloc::vec::Vec;

use super::*;
use crate::wire::client::Stat;

const OWNER: u64 = 7;

/// Recipes, the calls made so far, and the last request.
struct Rig {
    recipes: Recipes,
    calls: u64,
    now: Mono,
}

impl Rig {
    fn new() -> Rig {
        Rig { recipes: Recipes::new(OWNER), calls: 0, now: Mono(0) }
    }

    /// Names the requests; they, and what the owner was told.
    fn name(&mut self, actions: Vec<Action>) -> (Vec<Request>, Vec<Notice>) {
        let (mut requests, mut notices) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Send(_, request) => {
                    self.calls += 1;
                    self.recipes.sent(CallId(self.calls));
                    requests.push(request);
                }
                Action::Tell(_, notice) => notices.push(notice),
            }
        }
        (requests, notices)
    }

    fn ask(&mut self, verb: Verb, patience: Patience) -> (Vec<Request>, Vec<Notice>) {
        let path = Path::from("/l");
        let ask = Wish { verb, path, number: 0, text: String::new(), patience, hold_ms: 0 };
        let actions = self.recipes.ask(self.now, &ask);
        self.name(actions)
    }

    /// The last request is answered.
    fn reply(&mut self, result: Result<Response, CallError>) -> (Vec<Request>, Vec<Notice>) {
        let actions = self.recipes.replied(self.now, CallId(self.calls), &result);
        self.name(actions)
    }

    fn fire(&mut self) -> (Vec<Request>, Vec<Notice>) {
        let actions = self.recipes.fired(&[CallId(self.calls)]);
        self.name(actions)
    }
}

fn made(path: &str) -> Result<Response, CallError> {
    Ok(Response::Create2 { path: path.into(), stat: Stat::default() })
}

fn children(names: &[&str]) -> Result<Response, CallError> {
    let children = names.iter().map(|name| Arc::from(*name)).collect();
    Ok(Response::Children2 { children, stat: Stat::default() })
}

const OWN: &str = "_c_0000000000000007-lock-0000000003";
const OTHER: &str = "_c_0000000000000001-lock-0000000002";

#[test]
fn after_a_lost_connection_the_owner_finds_its_own_place() {
    let mut rig = Rig::new();
    let (requests, _) = rig.ask(Verb::Lock, Patience::Forever);
    assert!(matches!(&requests[..], [Request::Create2(_)]), "{requests:?}");
    assert_eq!(rig.ask(Verb::Lock, Patience::Forever), (vec![], vec![Notice::Busy]));
    let (requests, _) = rig.reply(Err(CallError::ConnectionLoss));
    assert!(matches!(&requests[..], [Request::Sync { .. }]), "{requests:?}");
    // A read without an answer is asked again.
    let (again, _) = rig.reply(Err(CallError::ConnectionLoss));
    assert_eq!(again, requests);
    rig.reply(Ok(Response::Sync { path: "/l".into() }));
    // It is there: no second number, and the line is looked at.
    let (requests, _) = rig.reply(children(&[OWN, OTHER]));
    assert!(matches!(&requests[..], [Request::GetChildren2 { .. }]), "{requests:?}");
    let (requests, _) = rig.reply(children(&[OWN, OTHER]));
    assert_eq!(requests, [exists_request(&below("/l", OTHER))]);
    rig.reply(Ok(Response::Stat(Stat::default())));
    rig.fire();
    let (requests, notices) = rig.reply(children(&[OWN]));
    assert_eq!((requests, notices), (vec![], vec![Notice::Held { fence: 3 }]));
    // Once more, and given back as often.
    assert_eq!(rig.ask(Verb::Lock, Patience::Forever).1, [Notice::Held { fence: 3 }]);
    assert_eq!(rig.ask(Verb::Unlock, Patience::Forever), (vec![], vec![Notice::Released]));
    let (requests, _) = rig.ask(Verb::Unlock, Patience::Forever);
    assert_eq!(requests, [delete_request(&below("/l", OWN))]);
    // The delete may have been done, too.
    assert_eq!(rig.reply(Err(CallError::ConnectionLoss)).0, requests);
    let missing = Err(CallError::Refused { code: NO_NODE });
    assert_eq!(rig.reply(missing), (vec![], vec![Notice::Released]));
}

#[test]
fn who_does_not_wait_leaves_nothing_behind() {
    let mut rig = Rig::new();
    rig.ask(Verb::Lock, Patience::Try);
    rig.reply(made(&below("/l", OWN)));
    let (requests, _) = rig.reply(children(&[OWN, OTHER]));
    assert_eq!(requests, [delete_request(&below("/l", OWN))]);
    assert_eq!(rig.reply(Ok(Response::Empty)), (vec![], vec![Notice::Busy]));

    rig.ask(Verb::Lock, Patience::Within(100));
    rig.reply(made(&below("/l", OWN)));
    rig.reply(children(&[OWN, OTHER]));
    rig.reply(Ok(Response::Stat(Stat::default())));
    assert_eq!(rig.recipes.deadline(), Some(Mono(0).plus_ms(100)));
    let actions = rig.recipes.tick(Mono(0).plus_ms(100));
    assert_eq!(rig.name(actions).0, [delete_request(&below("/l", OWN))]);
    assert_eq!(rig.reply(Ok(Response::Empty)), (vec![], vec![Notice::TimedOut]));
    assert_eq!(rig.recipes.deadline(), None);
}

#[test]
fn numbers_go_on_at_the_negative_end() {
    let mut rig = Rig::new();
    rig.ask(Verb::Lock, Patience::Forever);
    let own = "_c_0000000000000007-lock--2147483648";
    let last = "_c_0000000000000001-lock-2147483647";
    rig.reply(made(&below("/l", own)));
    let (requests, _) = rig.reply(children(&[own, last]));
    assert_eq!(requests, [exists_request(&below("/l", last))]);
}

#[test]
fn nobody_deletes_what_another_one_made() {
    let mut rig = Rig::new();
    rig.ask(Verb::HerdLock, Patience::Forever);
    assert_eq!(rig.reply(made("/l")).1, [Notice::Held { fence: 0 }]);
    rig.ask(Verb::HerdUnlock, Patience::Forever);
    rig.reply(Err(CallError::ConnectionLoss));
    rig.reply(Ok(Response::Sync { path: "/l".into() }));
    let others = Response::Data { data: Some(Bytes::from_static(b"1")), stat: Stat::default() };
    assert_eq!(rig.reply(Ok(others)), (vec![], vec![Notice::Released]));
}

#[test]
fn a_missing_folder_is_made() {
    let mut rig = Rig::new();
    let (asked, _) = rig.ask(Verb::Lock, Patience::Forever);
    let missing = || Err(CallError::Refused { code: NO_NODE });
    let (requests, _) = rig.reply(missing());
    assert_eq!(requests, [create_request("/l", CreateMode::Persistent, "")]);
    assert_eq!(rig.reply(made("/l")).0, asked);
    // One that cannot be made ends it.
    rig.reply(missing());
    assert_eq!(rig.reply(missing()), (vec![], vec![Notice::Failed { code: NO_NODE }]));
}
