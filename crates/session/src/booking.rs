//! How a stretch of a device's time is shared out, so that the parts add up exactly.
//!
//! The rules, in order: some session is active: all of it to the active ones, by SM use; some
//! session is unknown: all of it unknown, to the holders by share, without holders to the sessions
//! in equal parts; else each holder's share to its sessions in equal parts under their own states,
//! `allocated` if it has none there, and the rest free; without holders equal parts to the sessions.
//! Time of a device that is down never comes here.

use crate::allocation::{Holds, WHOLE};
use crate::state::DeviceState;

/// Microseconds by [`DeviceState::ALL`].
pub(crate) type Parts = [u64; DeviceState::ALL.len()];

/// One session's claim on a stretch, and what it got.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    /// Whose.
    pub(crate) session: u32,
    /// Its state in that second.
    pub(crate) state: DeviceState,
    /// Its SM use in that second, in thousandths of a per cent; 0 also where it is not known.
    pub(crate) sm: u32,
    /// The allocation it belongs to.
    pub(crate) allocation: Option<u32>,
    /// What it got.
    pub(crate) micros: u64,
    /// Under which state.
    pub(crate) booked: DeviceState,
}

/// A holder's share of a stretch, and what it got besides its sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// Whose, and how much.
    pub(crate) holds: Holds,
    /// What it got.
    pub(crate) micros: u64,
    /// Under which state.
    pub(crate) booked: DeviceState,
}

/// Share `micros` out among claims and holders; returns the device's parts, which add up to
/// `micros`.
pub(crate) fn share_out(micros: u64, claims: &mut [Claim], holders: &mut [Share]) -> Parts {
    let mut parts = Parts::default();
    let count = claims.len() as u64;
    let has = |wanted: DeviceState| claims.iter().any(|claim| claim.state == wanted);
    if has(DeviceState::Active) {
        let weight = active_weight(claims);
        let total = claims.iter().map(&weight).sum();
        give(micros, &mut *claims, weight, |_| DeviceState::Active, total);
    } else if has(DeviceState::Unknown) && !holders.is_empty() {
        give_unknown(micros, holders);
    } else if !holders.is_empty() {
        give_shares(micros, claims, holders);
    } else if has(DeviceState::Unknown) {
        give(micros, &mut *claims, |_| 1, |_| DeviceState::Unknown, count);
    } else {
        give(micros, &mut *claims, |_| 1, |claim| claim.state, count);
    }
    for claim in claims {
        parts[claim.booked as usize] += claim.micros;
    }
    for holder in holders {
        parts[holder.booked as usize] += holder.micros;
    }
    parts[DeviceState::Free as usize] = micros - parts.iter().sum::<u64>();
    parts
}

/// All of it to the holders by share.
fn give_unknown(micros: u64, holders: &mut [Share]) {
    let total: u64 = holders.iter().map(|holder| holder.holds.millionths).sum();
    let (mut sum, mut given) = (0, 0);
    for holder in holders {
        sum += holder.holds.millionths;
        let until = micros * sum / total.max(1);
        (holder.micros, holder.booked) = (until - given, DeviceState::Unknown);
        given = until;
    }
}

/// Each holder's share to its sessions, else to itself. A session of no holder gets nothing.
fn give_shares(micros: u64, claims: &mut [Claim], holders: &mut [Share]) {
    let (mut sum, mut given) = (0, 0);
    for holder in holders {
        sum += holder.holds.millionths;
        let until = micros * sum / WHOLE;
        let part = until - given;
        given = until;
        let is_its = |claim: &Claim| claim.allocation == Some(holder.holds.allocation);
        let count = claims.iter().filter(|claim| is_its(claim)).count() as u64;
        if count > 0 {
            let own = claims.iter_mut().filter(|claim| is_its(claim));
            give(part, own, |_| 1, |claim| claim.state, count);
        } else {
            (holder.micros, holder.booked) = (part, DeviceState::Allocated);
        }
    }
}

/// Weights among active sessions: SM use, or equal where none has any.
fn active_weight(claims: &[Claim]) -> impl Fn(&Claim) -> u64 + use<> {
    let is_active = |claim: &Claim| claim.state == DeviceState::Active;
    let by_use = claims.iter().any(|claim| is_active(claim) && claim.sm > 0);
    move |claim| match (is_active(claim), by_use) {
        (false, _) => 0,
        (true, true) => u64::from(claim.sm),
        (true, false) => 1,
    }
}

/// Give each claim its part by weight: differences of rounded running sums, so that nothing is
/// lost or made.
fn give<'a>(
    micros: u64,
    claims: impl IntoIterator<Item = &'a mut Claim>,
    weight: impl Fn(&Claim) -> u64,
    state: impl Fn(&Claim) -> DeviceState,
    total: u64,
) {
    let (mut sum, mut given) = (0, 0);
    for claim in claims {
        sum += weight(claim);
        let until = micros * sum / total.max(1);
        claim.micros = until - given;
        claim.booked = state(claim);
        given = until;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims(rows: &[(DeviceState, u32)]) -> Vec<Claim> {
        let claim = |(session, (state, sm)): (u32, &(DeviceState, u32))| Claim {
            session,
            state: *state,
            sm: *sm,
            allocation: None,
            micros: 0,
            booked: DeviceState::Free,
        };
        (0..).zip(rows).map(claim).collect()
    }

    fn shares(rows: &[(DeviceState, u32)]) -> Vec<(DeviceState, u64)> {
        let mut claims = claims(rows);
        share_out(1_000_000, &mut claims, &mut []);
        claims.iter().map(|claim| (claim.booked, claim.micros)).collect()
    }

    use DeviceState::{Active, Free, Held, Idle, Starting, Unknown};

    #[test]
    fn nobody_there_is_free() {
        assert_eq!(share_out(700, &mut [], &mut [])[Free as usize], 700);
    }

    #[test]
    fn active_sessions_get_all_of_it_by_their_sm_share() {
        let rows = [(Active, 30_000), (Held, 0), (Active, 10_000)];
        assert_eq!(shares(&rows), [(Active, 750_000), (Active, 0), (Active, 250_000)]);
    }

    #[test]
    fn active_sessions_without_use_in_the_second_get_equal_parts() {
        assert_eq!(shares(&[(Active, 0), (Unknown, 0), (Active, 0)])[0], (Active, 500_000));
    }

    #[test]
    fn an_unknown_session_makes_all_of_it_unknown() {
        assert_eq!(shares(&[(Idle, 0), (Unknown, 0)]), [(Unknown, 500_000), (Unknown, 500_000)]);
    }

    #[test]
    fn quiet_sessions_get_equal_parts_under_their_own_states() {
        let rows = [(Idle, 0), (Held, 0), (Starting, 0)];
        assert_eq!(shares(&rows), [(Idle, 333_333), (Held, 333_333), (Starting, 333_334)]);
    }

    fn holders(shares: &[u64]) -> Vec<Share> {
        let holds = |(allocation, share): (u32, &u64)| Holds { allocation, millionths: *share };
        let all = (0..).zip(shares).map(holds);
        all.map(|holds| Share { holds, micros: 0, booked: DeviceState::Allocated }).collect()
    }

    #[test]
    fn each_holders_share_goes_to_its_sessions_or_is_allocated_and_the_rest_is_free() {
        let mut claims = claims(&[(Idle, 0), (Held, 0), (Starting, 0)]);
        claims[0].allocation = Some(0);
        claims[1].allocation = Some(0);
        let mut holders = holders(&[250_000, 250_000]);
        let parts = share_out(1_000_000, &mut claims, &mut holders);
        assert_eq!((parts[Idle as usize], parts[Held as usize]), (125_000, 125_000));
        assert_eq!((holders[0].micros, holders[1].micros), (0, 250_000));
        assert_eq!(claims[2].micros, 0, "a session of no holder gets nothing");
        assert_eq!(parts[Free as usize], 500_000);
    }

    #[test]
    fn unknown_time_goes_to_the_holders_by_share() {
        let mut claims = claims(&[(Unknown, 0), (Idle, 0)]);
        let mut holders = holders(&[500_000, 250_000]);
        let parts = share_out(900, &mut claims, &mut holders);
        assert_eq!(parts[Unknown as usize], 900);
        assert_eq!((holders[0].micros, holders[1].micros), (600, 300));
        assert!(claims.iter().all(|claim| claim.micros == 0));
    }

    proptest! {
        #[test]
        fn parts_always_add_up(
            micros in 0_u64..2_000_000,
            rows in prop::collection::vec((2_usize..8, 0_u32..100_000), 0..40),
            shares in prop::collection::vec(0_u64..250_000, 0..4),
        ) {
            let rows: Vec<_> = rows.iter().map(|(s, sm)| (DeviceState::ALL[*s], *sm)).collect();
            let mut claims = claims(&rows);
            let mut holders = holders(&shares);
            for (at, claim) in (0_u32..).zip(&mut claims) {
                claim.allocation = Some(at % 5);
            }
            let parts = share_out(micros, &mut claims, &mut holders);
            prop_assert_eq!(parts.iter().sum::<u64>(), micros);
            let claimed = claims.iter().map(|claim| claim.micros).sum::<u64>();
            let held = holders.iter().map(|holder| holder.micros).sum::<u64>();
            prop_assert_eq!(claimed + held + parts[Free as usize], micros);
            if !claims.is_empty() && holders.is_empty() {
                prop_assert_eq!(claimed, micros);
            }
        }
    }
}
