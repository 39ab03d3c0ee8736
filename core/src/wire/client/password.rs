//! The password of a session: derived from its id, so that any server can check it.
//!
//! It is no secret, but an ensemble's servers must agree on it.
//! Source: `ZooKeeperServer.generatePasswd` and `java.util.Random`.

use crate::types::SessionId;

/// Its length in bytes.
pub const PASSWORD_LEN: usize = 16;

/// What `ZooKeeperServer.superSecret` mixes into the seed.
const SUPER_SECRET: u64 = 0xB341_5C00;
/// The multiplier, increment and modulus of `java.util.Random`.
const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;

/// The password of a session.
pub fn session_password(session: SessionId) -> [u8; PASSWORD_LEN] {
    let seed = session.0 as u64 ^ SUPER_SECRET;
    let mut state = (seed ^ MULTIPLIER) & MASK;
    let mut password = [0; PASSWORD_LEN];
    for word in password.chunks_exact_mut(4) {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        word.copy_from_slice(&((state >> 16) as u32).to_le_bytes());
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_passwords() {
        let recorded: [(i64, u128); 2] = [
            (0x0100_0011_c8f2_0000, 0xbccd_69b1_99b2_c816_fa4c_f6fe_0aab_2130),
            (0x0100_0014_e5c3_0000, 0x1ff5_e937_c069_00a8_9552_308c_0950_c307),
        ];
        for (session, password) in recorded {
            assert_eq!(session_password(SessionId(session)), password.to_be_bytes());
        }
    }
}
