//! Which servers together are a quorum.
//!
//! A majority of the voters; with groups, a majority of the groups, in each of which more than
//! half of the weight. Plain majorities are one group in which each voter weighs 1, so there is
//! one rule. Groups without any weight do not exist for it. While a reconfiguration is under way,
//! what is a quorum must be one of the old configuration and one of the new one.
//! Source: Java's `QuorumMaj`, `QuorumHierarchical` and `SyncedLearnerTracker`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::policy::Policy;
use crate::sorted::{SortedMap, SortedSet};
use crate::types::ServerId;

/// The number of a group, as `group.N` has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct GroupId(pub i64);

/// The voters of one configuration, or of two at once.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub struct Quorums {
    seats: SortedMap<ServerId, Seat>,
    /// The weight of each group that has any.
    groups: SortedMap<GroupId, u64>,
    /// Everybody with a seat here or in the next configuration.
    voters: SortedSet<ServerId>,
    /// Of the configuration that is to come.
    next: Option<Box<Quorums>>,
}

/// What one voter counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Seat {
    /// Where.
    pub group: GroupId,
    /// How much. A server of weight 0 follows and acknowledges, but nobody waits for it, and it is
    /// never elected.
    pub weight: u32,
}

impl Quorums {
    /// Majorities of these.
    pub fn majority(voters: impl IntoIterator<Item = ServerId>) -> Quorums {
        let seat = Seat { group: GroupId(0), weight: 1 };
        Quorums::new(voters.into_iter().map(|sid| (sid, seat)).collect())
    }

    /// Each voter with its seat.
    pub fn new(seats: SortedMap<ServerId, Seat>) -> Quorums {
        let mut groups: SortedMap<GroupId, u64> = SortedMap::new();
        for seat in seats.values().filter(|seat| seat.weight > 0) {
            let whole = groups.entry(seat.group).or_default();
            *whole += u64::from(seat.weight);
        }
        let voters = seats.keys().copied().collect();
        Quorums { seats, groups, voters, next: None }
    }

    /// Those that are a quorum here and in `next`.
    pub fn and(mut self, next: Quorums) -> Quorums {
        self.voters.extend(next.voters());
        self.next = Some(Box::new(next));
        self
    }

    /// The voters of either configuration, in order.
    pub fn voters(&self) -> impl ExactSizeIterator<Item = ServerId> + '_ {
        self.voters.iter().copied()
    }

    /// True if it votes in either.
    pub fn is_voter(&self, sid: ServerId) -> bool {
        self.voters.contains(&sid)
    }

    /// True if a quorum could elect it.
    pub fn is_electable(&self, sid: ServerId) -> bool {
        self.seats.get(&sid).is_some_and(|seat| seat.weight > 0)
            || self.next.as_ref().is_some_and(|next| next.is_electable(sid))
    }

    /// Whether these, each named once, are a quorum. Who does not vote does not count.
    pub fn is_quorum<P: Policy>(
        &self,
        policy: &P,
        servers: impl Iterator<Item = ServerId> + Clone,
    ) -> bool {
        let is_next = |next: &Quorums| next.is_quorum_in_force(policy, servers.clone());
        match &self.next {
            Some(next) if !policy.reconfigures_by_both() => is_next(next),
            next => next.as_deref().is_none_or(is_next) && self.is_quorum_in_force(policy, servers),
        }
    }

    /// The same by the configuration in force, whatever comes next: for whoever only joins a leader
    /// that is established.
    pub fn is_quorum_in_force<P: Policy>(
        &self,
        policy: &P,
        servers: impl Iterator<Item = ServerId> + Clone,
    ) -> bool {
        let has = |group: GroupId, whole: u64| {
            let seats = servers.clone().filter_map(|sid| self.seats.get(&sid));
            let own = seats.filter(|seat| seat.group == group).map(|seat| u64::from(seat.weight));
            own.sum::<u64>() >= policy.majority(whole)
        };
        let having = self.groups.iter().filter(|(group, whole)| has(**group, **whole)).count();
        self.is_most_groups(having)
    }

    /// How many servers the smallest quorum has that these are part of; of any quorum, if they are
    /// one already. Of two configurations, the one that lacks more decides: so many at least.
    pub fn need<P: Policy>(&self, policy: &P, counted: &[ServerId]) -> usize {
        let counted: SortedSet<ServerId> =
            counted.iter().copied().filter(|sid| self.is_voter(*sid)).collect();
        let lacking = |counted: &SortedSet<ServerId>| {
            let next = self.next.as_ref().map_or(0, |next| next.lacking(policy, counted));
            self.lacking(policy, counted).max(next)
        };
        match lacking(&counted) {
            0 => lacking(&SortedSet::new()),
            lacking => counted.len() + lacking,
        }
    }

    /// How many more are needed at least.
    fn lacking<P: Policy>(&self, policy: &P, counted: &SortedSet<ServerId>) -> usize {
        let of_group = |group: GroupId, whole: u64| {
            let seats = self.seats.iter().filter(|(_, seat)| seat.group == group);
            let (inside, outside): (Vec<_>, Vec<_>) =
                seats.partition(|(sid, _)| counted.contains(sid));
            let weight = |(_, seat): &(&ServerId, &Seat)| u64::from(seat.weight);
            let mut have: u64 = inside.iter().map(weight).sum();
            let mut rest: Vec<u64> = outside.iter().map(weight).collect();
            rest.sort_unstable();
            let mut lacking = 0;
            while have < policy.majority(whole)
                && let Some(next) = rest.pop()
            {
                have += next;
                lacking += 1;
            }
            lacking
        };
        let mut lacking: Vec<usize> =
            self.groups.iter().map(|(group, whole)| of_group(*group, *whole)).collect();
        lacking.sort_unstable();
        let mut sum = 0;
        for (groups, more) in (1..).zip(lacking) {
            sum += more;
            if self.is_most_groups(groups) {
                break;
            }
        }
        sum
    }

    fn is_most_groups(&self, groups: usize) -> bool {
        groups > self.groups.len() / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Correct;

    fn ids(sids: &[i64]) -> impl Iterator<Item = ServerId> + Clone {
        sids.iter().copied().map(ServerId)
    }

    fn grouped(seats: &[(i64, i64, u32)]) -> Quorums {
        let seat = |(sid, group, weight): &(i64, i64, u32)| {
            (ServerId(*sid), Seat { group: GroupId(*group), weight: *weight })
        };
        Quorums::new(seats.iter().map(seat).collect())
    }

    /// Java's example: three groups of three, so that a whole group may fail and one of each other.
    fn nine() -> Quorums {
        grouped(&[1, 2, 3, 4, 5, 6, 7, 8, 9].map(|sid| (sid, (sid - 1) / 3, 1)))
    }

    fn is_quorum(quorums: &Quorums, sids: &[i64]) -> bool {
        quorums.is_quorum(&Correct, ids(sids))
    }

    #[test]
    fn more_than_half_of_the_voters() {
        let quorums = Quorums::majority(ids(&[1, 2, 3, 4]));
        assert!(!is_quorum(&quorums, &[1, 4]));
        assert!(is_quorum(&quorums, &[1, 2, 4]));
        assert!(!is_quorum(&quorums, &[1, 2, 8, 9]), "who does not vote does not count");
        assert!(!is_quorum(&Quorums::default(), &[]), "without voters there is no quorum");
        assert_eq!(quorums.need(&Correct, &[]), 3);
        assert_eq!(quorums.need(&Correct, &[ServerId(1), ServerId(2)]), 3);
        let all: Vec<ServerId> = ids(&[1, 2, 3, 4]).collect();
        assert_eq!(quorums.need(&Correct, &all), 3);
    }

    #[test]
    fn most_groups_with_most_of_their_weight() {
        assert!(is_quorum(&nine(), &[1, 2, 4, 5]));
        assert!(!is_quorum(&nine(), &[1, 2, 3, 4, 7]), "six would do, of two groups");
        assert!(!is_quorum(&nine(), &[1, 4, 7]));
        assert_eq!(nine().need(&Correct, &[]), 4);
        let scattered: Vec<ServerId> = ids(&[1, 4, 7]).collect();
        assert_eq!(nine().need(&Correct, &scattered), 5);
    }

    #[test]
    fn weight_counts_and_not_heads() {
        let quorums = grouped(&[(1, 0, 3), (2, 0, 1), (3, 0, 1)]);
        assert!(is_quorum(&quorums, &[1]));
        assert!(!is_quorum(&quorums, &[2, 3]));
        assert_eq!(quorums.need(&Correct, &[]), 1);
        assert_eq!(quorums.need(&Correct, &[ServerId(2)]), 2);
    }

    #[test]
    fn nobody_waits_for_what_weighs_nothing() {
        // Two of three groups weigh something, so both are needed.
        let quorums = grouped(&[(1, 1, 1), (2, 1, 1), (3, 2, 1), (4, 3, 0), (5, 3, 0)]);
        assert!(is_quorum(&quorums, &[1, 2, 3]));
        assert!(!is_quorum(&quorums, &[1, 2, 4, 5]));
        assert!(quorums.is_voter(ServerId(4)) && !quorums.is_electable(ServerId(4)));
    }

    #[test]
    fn two_configurations_at_once_need_a_quorum_of_each() {
        let joint = Quorums::majority(ids(&[1, 2, 3])).and(Quorums::majority(ids(&[3, 4, 5])));
        assert!(joint.voters().eq(ids(&[1, 2, 3, 4, 5])));
        assert!(joint.is_voter(ServerId(1)) && joint.is_electable(ServerId(5)));
        assert!(!is_quorum(&joint, &[1, 2, 3]), "only of the old one");
        assert!(!is_quorum(&joint, &[3, 4, 5]), "only of the new one");
        assert!(is_quorum(&joint, &[1, 3, 5]), "3 counts in both");
        assert_eq!(joint.need(&Correct, &[]), 2, "at least: 3 is in both, but one of it alone");
        assert_eq!(joint.need(&Correct, &[ServerId(3), ServerId(1)]), 3);
    }

    #[test]
    fn two_quorums_always_meet() {
        let systems = [
            Quorums::majority(ids(&[1, 2, 3, 4, 5, 6, 7, 8, 9])),
            nine(),
            grouped(&[1, 2, 3, 4, 5, 6, 7, 8, 9].map(|sid| (sid, sid % 2, (sid % 4) as u32))),
        ];
        for quorums in systems {
            let subset =
                |bits: u32| (1..=9).filter(move |sid| bits & (1 << sid) != 0).map(ServerId);
            for bits in (0..1024_u32).step_by(2) {
                let (some, others) = (subset(bits), subset(!bits));
                let both = quorums.is_quorum(&Correct, some.clone())
                    && quorums.is_quorum(&Correct, others);
                assert!(!both, "{:?} and all others", some.collect::<Vec<_>>());
                let counted: Vec<ServerId> = some.clone().collect();
                let needs_more = quorums.need(&Correct, &counted) > counted.len();
                assert!(needs_more <= !quorums.is_quorum(&Correct, some), "{counted:?}");
            }
        }
    }
}
