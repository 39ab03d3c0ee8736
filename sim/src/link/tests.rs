//! Connections at their boundary: what is sent, and what arrives when.

use super::*;
use bytes::Bytes;
use zablab_core::types::ServerId;

const A: Host = Host::Server(ServerId(1));
const B: Host = Host::Server(ServerId(2));
const CALL: ConnId = ConnId::outgoing(1);
const ANSWER: ConnId = ConnId(1);

/// A network and its agenda; what happens first arrives when `next` is called.
struct Bench {
    net: Net,
    agenda: Agenda,
    now: Mono,
}

impl Bench {
    fn new() -> Bench {
        let net = Net::new(&Timing { give_up_ms: 1000, ..Timing::default() }, 1);
        Bench { net, agenda: Agenda::default(), now: Mono(0) }
    }

    /// A connection from A to B that stands.
    fn connected() -> Bench {
        let mut bench = Bench::new();
        bench.net.open(bench.now, A, CALL, B, PortKind::Election);
        assert!(matches!(bench.next(), Some(Arrival::Knock { .. })));
        bench.net.accept(bench.now, LinkId(1), ANSWER);
        assert!(matches!(bench.next(), Some(Arrival::Up { .. })));
        bench
    }

    fn next(&mut self) -> Option<Arrival> {
        self.net.reschedule(&mut self.agenda);
        let entry = *self.agenda.first()?;
        self.now = self.now.max(entry.due);
        match entry.what {
            Auto::Deliver { lane, .. } => self.net.arrive(lane)?.1,
            Auto::GiveUp { lane } => self.net.give_up(self.now, lane),
            Auto::Tick { .. } | Auto::CompleteIo { .. } | Auto::CompleteSnapshot { .. } => None,
        }
    }

    fn send(&mut self, host: Host, conn: ConnId, text: &'static str) {
        let parts = vec![Bytes::from_static(text.as_bytes())];
        self.net.send(self.now, host, conn, parts);
    }

    fn expect_text(&mut self, text: &str) {
        match self.next() {
            Some(Arrival::Message { parts, .. }) => assert_eq!(parts, [text.as_bytes()]),
            other => panic!("{other:?} instead of {text}"),
        }
    }

    fn expect_down(&mut self, host: Host) {
        let arrival = self.next();
        let Some(Arrival::Down { host: told, .. }) = arrival else { panic!("{arrival:?}") };
        assert_eq!(told, host);
    }
}

#[test]
fn messages_arrive_in_order_after_their_delay() {
    let mut bench = Bench::connected();
    bench.send(A, CALL, "one");
    bench.send(A, CALL, "two");
    let sent = bench.now;
    bench.expect_text("one");
    bench.expect_text("two");
    assert_eq!(bench.now, Mono(sent.0 + 10_000));
    assert_eq!(bench.next(), None);
}

#[test]
fn a_close_comes_behind_what_was_sent() {
    let mut bench = Bench::connected();
    bench.send(A, CALL, "last");
    bench.net.close(bench.now, A, CALL);
    bench.expect_text("last");
    bench.expect_down(B);
    assert_eq!((bench.next(), bench.net.links().count()), (None, 0));
}

#[test]
fn nobody_listening_means_a_refusal_one_way_and_back_later() {
    let mut bench = Bench::new();
    bench.net.open(bench.now, A, CALL, B, PortKind::Quorum);
    bench.next();
    bench.net.refuse(bench.now, LinkId(1));
    bench.expect_down(A);
    assert_eq!(bench.now, Mono(20_000));
    assert_eq!((bench.next(), bench.net.links().count()), (None, 0));
}

#[test]
fn a_short_cut_delays_and_a_long_one_leaves_half_a_connection() {
    let mut bench = Bench::connected();
    bench.net.cut(bench.now, A, B);
    bench.send(A, CALL, "late");
    bench.net.heal(A, B);
    bench.expect_text("late");
    bench.net.cut(bench.now, A, B);
    bench.send(A, CALL, "never");
    bench.send(B, ANSWER, "back");
    bench.expect_text("back");
    bench.expect_down(A);
    assert_eq!(bench.net.take_lost().len(), 1);
    // B still believes in it, and what it sends goes nowhere.
    bench.send(B, ANSWER, "lost");
    assert_eq!(bench.next(), None);
    bench.net.heal_all();
    bench.expect_down(B);
}

#[test]
fn losing_a_message_keeps_what_was_before_it() {
    let mut bench = Bench::connected();
    bench.send(A, CALL, "one");
    let parts = vec![Bytes::from_static(b"two")];
    let (lane, seq, _) = bench.net.send(bench.now, A, CALL, parts).expect("it stands");
    bench.send(A, CALL, "three");
    bench.net.lose(bench.now, lane, seq);
    bench.expect_text("one");
    bench.expect_down(B);
    bench.expect_down(A);
    assert_eq!(bench.net.take_lost(), [(lane, seq), (lane, seq + 1)]);
}

#[test]
fn a_crash_is_heard_of_and_ends_what_was_under_way_to_it() {
    let mut bench = Bench::connected();
    bench.send(A, CALL, "to nobody");
    bench.net.crash(bench.now, B);
    bench.expect_down(A);
    assert_eq!(bench.next(), None);
}

#[test]
fn a_held_message_stops_those_behind_it() {
    let mut bench = Bench::connected();
    bench.send(A, CALL, "one");
    let parts = vec![Bytes::from_static(b"two")];
    let (lane, seq, _) = bench.net.send(bench.now, A, CALL, parts).expect("it stands");
    bench.net.hold(lane, seq);
    bench.expect_text("one");
    assert_eq!(bench.next(), None);
    bench.net.release(lane);
    bench.expect_text("two");
}

#[test]
fn the_system_takes_a_buffer_full_at_once_and_the_rest_as_it_arrives() {
    let mut bench = Bench::connected();
    let big = Bytes::from(vec![0; SOCKET_BUFFER as usize]);
    bench.net.send(bench.now, A, CALL, vec![big]);
    bench.send(A, CALL, "more");
    let through = |bench: &mut Bench| bench.net.next_drained().map(|word| word.through);
    assert_eq!(through(&mut bench), Some(SOCKET_BUFFER));
    bench.next();
    assert_eq!(through(&mut bench), Some(SOCKET_BUFFER + 4));
}

/// The datagrams on the agenda, in order, and whether each was there to take.
fn drain(bench: &mut Bench) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        bench.net.reschedule(&mut bench.agenda);
        let Some(entry) = bench.agenda.first().copied() else { return texts };
        bench.now = bench.now.max(entry.due);
        let Auto::Deliver { lane, seq } = entry.what else { panic!("{entry:?}") };
        let datagram = bench.net.take_datagram(lane, seq).expect("what is due is there");
        texts.push(String::from_utf8_lossy(&datagram.bytes).into_owned());
    }
}

fn post(bench: &mut Bench, text: &'static str) -> (LaneId, u64) {
    bench.net.post(bench.now, A, B, Bytes::from_static(text.as_bytes()))
}

#[test]
fn datagrams_overtake_each_other_and_may_come_twice() {
    let mut bench = Bench::new();
    bench.net.set_delay(A, B, 30_000);
    post(&mut bench, "slow");
    bench.net.set_delay(A, B, 10_000);
    let (lane, seq) = post(&mut bench, "fast");
    assert!(bench.net.duplicate(bench.now, lane, seq).is_some());
    assert_eq!(drain(&mut bench), ["fast", "fast", "slow"]);
    assert!(bench.net.take_lost().is_empty());
}

#[test]
fn a_lost_datagram_is_lost_alone_and_a_held_one_waits_alone() {
    let mut bench = Bench::new();
    let (lane, lost) = post(&mut bench, "lost");
    let (_, held) = post(&mut bench, "held");
    post(&mut bench, "other");
    bench.net.lose(bench.now, lane, lost);
    bench.net.hold(lane, held);
    assert_eq!(bench.net.take_lost(), [(lane, lost)]);
    assert_eq!(drain(&mut bench), ["other"]);
    assert!(bench.net.link(lane.link).is_some_and(|link| link.is_held(lane.to, held)));
    bench.net.release(lane);
    assert_eq!(drain(&mut bench), ["held"]);
    bench.net.lose(bench.now, lane, held);
    assert!(bench.net.take_lost().is_empty() && bench.net.duplicate(bench.now, lane, 0).is_none());
}

#[test]
fn a_cut_loses_datagrams_that_are_sent_or_under_way_in_that_direction() {
    let mut bench = Bench::new();
    let (lane, under_way) = post(&mut bench, "under way");
    let (back, _) = bench.net.post(bench.now, B, A, Bytes::from_static(b"back"));
    assert_eq!((back.link, back.to), (lane.link, lane.to.other()));
    bench.net.cut(bench.now, A, B);
    let (_, late) = post(&mut bench, "sent while cut");
    assert_eq!(bench.net.take_lost(), [(lane, under_way), (lane, late)]);
    assert_eq!(drain(&mut bench), ["back"]);
    bench.net.heal(A, B);
    post(&mut bench, "healed");
    bench.net.reset(bench.now, lane.link);
    bench.net.crash(bench.now, A);
    assert_eq!(drain(&mut bench), ["healed"]);
}
