//! The tray of a server that waits for a quorum: who is counted, who can still be.
//!
//! The core says what is counted and how many are needed; the world knows who is down or cut off.

use zablab_core::trace::Role;
use zablab_core::types::ServerId;
use zablab_core::view::{Awaited, ServerView};

use super::frame::{Slot, SlotState, Tray, TrayOf};
use crate::step::Host;
use crate::world::World;

/// What this server waits for, if anything.
pub(super) fn of(world: &World, view: &ServerView) -> Option<Tray> {
    let awaited = view.awaited.as_ref()?;
    let state = |sid: ServerId| {
        if awaited.counted.contains(&sid) {
            SlotState::In
        } else if world.role(sid).is_none() {
            SlotState::Down
        } else if is_cut(world, view.me, sid) {
            SlotState::Cut
        } else if is_asked(world, view, sid) {
            SlotState::Expected
        } else {
            SlotState::Open
        }
    };
    let voters = world.given().voters();
    let slots: Vec<Slot> = voters.map(|sid| Slot { sid, state: state(sid) }).collect();
    let have = slots.iter().filter(|slot| slot.state == SlotState::In).count() as u32;
    let tray = |of| {
        let (candidate, epoch, zxid) = (None, None, None);
        Tray { of, candidate, epoch, zxid, slots, have, need: awaited.need }
    };
    Some(match awaited.what {
        Awaited::Votes { candidate } => Tray { candidate: Some(candidate), ..tray(TrayOf::Votes) },
        Awaited::Promises { epoch } => Tray { epoch, ..tray(TrayOf::Promises) },
        Awaited::Synced { epoch } => Tray { epoch: Some(epoch), ..tray(TrayOf::Synced) },
        Awaited::Acks { zxid } => Tray { zxid: Some(zxid), ..tray(TrayOf::Acks) },
    })
}

/// True if one of the two ways between them is cut: then a question or its answer is missing.
fn is_cut(world: &World, a: ServerId, b: ServerId) -> bool {
    let (a, b) = (Host::Server(a), Host::Server(b));
    world.net().is_cut(a, b) || world.net().is_cut(b, a)
}

/// True if the server was asked, so that what is counted may come at any moment.
fn is_asked(world: &World, view: &ServerView, sid: ServerId) -> bool {
    match view.awaited.as_ref().map(|awaited| awaited.what) {
        Some(Awaited::Votes { .. }) => world.role(sid) == Some(Role::Looking),
        Some(Awaited::Promises { .. } | Awaited::Synced { .. } | Awaited::Acks { .. }) => {
            view.learners.iter().any(|learner| learner.sid == sid)
        }
        None => false,
    }
}
