use super::prepare::chunks;
use super::*;

fn plan(history_minutes: u64, age_minutes: u64) -> Plan {
    let at = Timestamp::from_secs(1_768_467_600);
    let age = Duration::from_secs(age_minutes * 60);
    Plan {
        scenario: Scenario::load("h100-idle").unwrap(),
        at,
        age,
        history: Duration::from_secs(history_minutes * 60),
        clock: Arc::new(SimClock::starting_at(at, Pace::Manual, age)),
    }
}

#[test]
fn chunks_join_and_reach_as_far_back_as_the_history() {
    let plan = plan(120, 140);
    let spans = chunks(&plan);
    assert_eq!(spans[0].1, plan.before());
    assert!(spans.windows(2).all(|pair| pair[0].0 == pair[1].1));
    assert_eq!(spans.last().unwrap().0, plan.at.before(Duration::from_secs(120 * 60)));
    assert_eq!(spans.len(), 6);
}

#[test]
fn a_young_world_has_less_past_and_none_is_none() {
    let young = plan(120, 10);
    let spans = chunks(&young);
    assert!(spans.last().unwrap().0 > young.origin());
    assert!(chunks(&plan(0, 140)).is_empty());
    assert!(chunks(&plan(1, 140)).is_empty());
}
