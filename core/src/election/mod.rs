//! Leader election: the decision ([`fast`]) and the connections it runs over ([`mesh`]).

pub mod fast;
pub mod mesh;
