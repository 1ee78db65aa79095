//! How a stretch of a device's time is shared out, so that the parts add up exactly.
//!
//! The rules, in order: some session is active: all of it to the active ones, by SM use; some
//! session is unknown: all of it unknown, to all in equal parts; else equal parts to each under its
//! own state; nobody there: free. Time of a device that is down never comes here. Holders without a
//! process (allocations) are not known yet and would come between the last two.

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
    /// What it got.
    pub(crate) micros: u64,
    /// Under which state.
    pub(crate) booked: DeviceState,
}

/// Share `micros` out among the claims; returns the device's parts, which add up to `micros`.
pub(crate) fn share_out(micros: u64, claims: &mut [Claim]) -> Parts {
    let mut parts = Parts::default();
    let has = |wanted: DeviceState| claims.iter().any(|claim| claim.state == wanted);
    if claims.is_empty() {
        parts[DeviceState::Free as usize] = micros;
    } else if has(DeviceState::Active) {
        give(micros, claims, active_weight(claims), |_| DeviceState::Active);
    } else if has(DeviceState::Unknown) {
        give(micros, claims, |_| 1, |_| DeviceState::Unknown);
    } else {
        give(micros, claims, |_| 1, |claim| claim.state);
    }
    for claim in claims {
        parts[claim.booked as usize] += claim.micros;
    }
    parts
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
fn give(
    micros: u64,
    claims: &mut [Claim],
    weight: impl Fn(&Claim) -> u64,
    state: impl Fn(&Claim) -> DeviceState,
) {
    let total: u64 = claims.iter().map(&weight).sum();
    let mut sum = 0;
    let mut given = 0;
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
            micros: 0,
            booked: DeviceState::Free,
        };
        (0..).zip(rows).map(claim).collect()
    }

    fn shares(rows: &[(DeviceState, u32)]) -> Vec<(DeviceState, u64)> {
        let mut claims = claims(rows);
        share_out(1_000_000, &mut claims);
        claims.iter().map(|claim| (claim.booked, claim.micros)).collect()
    }

    use DeviceState::{Active, Free, Held, Idle, Starting, Unknown};

    #[test]
    fn nobody_there_is_free() {
        assert_eq!(share_out(700, &mut [])[Free as usize], 700);
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

    proptest! {
        #[test]
        fn parts_always_add_up(
            micros in 0_u64..2_000_000,
            rows in prop::collection::vec((2_usize..8, 0_u32..100_000), 0..40),
        ) {
            let rows: Vec<_> = rows.iter().map(|(s, sm)| (DeviceState::ALL[*s], *sm)).collect();
            let mut claims = claims(&rows);
            let parts = share_out(micros, &mut claims);
            prop_assert_eq!(parts.iter().sum::<u64>(), micros);
            if !claims.is_empty() {
                prop_assert_eq!(claims.iter().map(|claim| claim.micros).sum::<u64>(), micros);
            }
        }
    }
}
