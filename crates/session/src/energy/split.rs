//! Who gets which part of a stretch's energy: the rules for one session and for several.
//!
//! Parts never add up to more than there is; what nobody gets stays with the GPU.

/// Energy of a stretch of a device, in mJ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Parts {
    /// Up to the idle baseline.
    pub(crate) baseline: u64,
    /// Beyond it.
    pub(crate) above: u64,
}

/// What one session in the stretch has to show for its part, and what it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wants {
    /// Whose.
    pub(crate) session: u32,
    /// SM use, if known.
    pub(crate) sm: Option<u64>,
    /// Memory held, in bytes, if known.
    pub(crate) memory: Option<u64>,
    /// Its part of its allocation's share; 0 where it belongs to none.
    pub(crate) share: u64,
    /// What it got, in mJ.
    pub(crate) millijoules: u64,
}

/// What a session's part is reckoned by.
type Weight = fn(&Wants) -> Option<u64>;

/// Share a stretch out. A sole session gets all of it. Several get what is above the baseline by SM
/// use, else by memory, and the baseline by allocation share, else in equal parts. `false`, and
/// nothing to anybody, where neither use nor memory can tell.
pub(crate) fn split(energy: Parts, sessions: &mut [Wants]) -> bool {
    if let [sole] = sessions {
        sole.millijoules = energy.baseline + energy.above;
        return true;
    }
    let ways: [Weight; 2] = [|wants| wants.sm, |wants| wants.memory];
    let known = ways.into_iter().find_map(|way| Some((way, weigh(sessions, way)?)));
    let Some((weight, total)) = known else { return false };
    give(energy.above, sessions, |wants| weight(wants).unwrap_or(0), total);
    match weigh(sessions, |wants| Some(wants.share)) {
        Some(shares) => give(energy.baseline, sessions, |wants| wants.share, shares),
        None => give(energy.baseline, sessions, |_| 1, sessions.len() as u128),
    }
    true
}

/// The sum of all weights: `None` where one is not known, or where all are 0.
fn weigh(sessions: &[Wants], weight: impl Fn(&Wants) -> Option<u64>) -> Option<u128> {
    let mut sum = 0;
    for wants in sessions {
        sum += u128::from(weight(wants)?);
    }
    (sum > 0).then_some(sum)
}

/// Add to each session its part: differences of rounded running sums, so that nothing is lost.
fn give(whole: u64, sessions: &mut [Wants], weight: impl Fn(&Wants) -> u64, total: u128) {
    let (mut sum, mut given) = (0, 0);
    for wants in sessions {
        sum += u128::from(weight(wants));
        // At most `whole`, as no running sum exceeds the total.
        let until = u64::try_from(u128::from(whole) * sum / total.max(1)).unwrap_or(whole);
        wants.millijoules += until - given;
        given = until;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wants(sm: Option<u64>, memory: Option<u64>, share: u64) -> Wants {
        Wants { session: 0, sm, memory, share, millijoules: 0 }
    }

    fn got(baseline: u64, above: u64, sessions: &[Wants]) -> Option<Vec<u64>> {
        let mut sessions = sessions.to_vec();
        split(Parts { baseline, above }, &mut sessions)
            .then(|| sessions.iter().map(|wants| wants.millijoules).collect())
    }

    #[test]
    fn a_sole_session_gets_all_of_it_whatever_is_known_of_it() {
        assert_eq!(got(70, 630, &[wants(None, None, 0)]), Some(vec![700]));
    }

    #[test]
    fn several_share_by_sm_use_and_the_baseline_in_equal_parts() {
        let sessions = [wants(Some(75), Some(1), 0), wants(Some(25), Some(9), 0)];
        assert_eq!(got(70, 600, &sessions), Some(vec![35 + 450, 35 + 150]));
    }

    #[test]
    fn memory_decides_where_use_is_unknown_for_one_or_nobody_used_it() {
        let sessions = [wants(Some(75), Some(1), 0), wants(None, Some(3), 0)];
        assert_eq!(got(0, 400, &sessions), Some(vec![100, 300]));
        let sessions = [wants(Some(0), Some(1), 0), wants(Some(0), Some(3), 0)];
        assert_eq!(got(0, 400, &sessions), Some(vec![100, 300]));
    }

    #[test]
    fn without_use_and_memory_nobody_gets_anything() {
        assert_eq!(got(70, 600, &[wants(None, None, 0), wants(None, Some(1), 0)]), None);
    }

    #[test]
    fn the_baseline_goes_by_allocation_share() {
        let sessions =
            [wants(Some(1), None, 750), wants(Some(1), None, 250), wants(Some(2), None, 0)];
        assert_eq!(got(100, 400, &sessions), Some(vec![75 + 100, 25 + 100, 200]));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_all_of_it_or_are_not_known(
            baseline in 0_u64..20_000_000_000,
            above in 0_u64..20_000_000_000,
            sessions in prop::collection::vec(
                (prop::option::weighted(0.9, 0_u64..100_000), prop::option::weighted(0.9, any::<u64>()), any::<u64>()),
                1..20,
            ),
        ) {
            let sessions: Vec<_> = sessions.iter().map(|(sm, m, s)| wants(*sm, *m, *s)).collect();
            if let Some(parts) = got(baseline, above, &sessions) {
                prop_assert_eq!(parts.iter().sum::<u64>(), baseline + above);
            }
        }
    }
}
