//! Passwords, right and wrong, and what they cost.

use std::time::{Duration, Instant};

use axum::http::HeaderValue;

use super::*;
use crate::testing::hash;

fn users(pairs: &[(&str, &str)]) -> Arc<Users> {
    let hashes = pairs.iter().map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned()));
    Arc::new(Users::new(Path::new("web.yml"), hashes.collect()).unwrap())
}

fn basic(text: &str) -> HeaderMap {
    let value = format!("Basic {}", STANDARD.encode(text));
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&value).unwrap())])
}

fn admit(users: &Arc<Users>, headers: &HeaderMap) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(Arc::clone(users).admit(headers, &Counter::default()))
}

fn time(users: &Arc<Users>, text: &str) -> Duration {
    let begun = Instant::now();
    admit(users, &basic(text));
    begun.elapsed()
}

#[test]
fn only_a_right_password_of_a_user_gets_in() {
    let users = users(&[("a", &hash("one:1")), ("b", &hash("two"))]);
    for _ in 0..2 {
        assert_eq!(admit(&users, &basic("a:one:1")), Verdict::Admitted);
        assert_eq!(admit(&users, &basic("b:two")), Verdict::Admitted);
        for wrong in ["a:two", "b:one:1", "a:", "a", ":", "", "c:two", "A:one:1", "a:one:12"] {
            assert_eq!(admit(&users, &basic(wrong)), Verdict::Refused, "{wrong}");
        }
    }
}

#[test]
fn a_client_that_hangs_up_does_not_free_the_place_of_a_run_that_goes_on() {
    // A run of this cost takes many times the millisecond that is waited for.
    let users = users(&[("a", &bcrypt::hash("one", 10).unwrap())]);
    let counter = Counter::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let headers = basic("a:wrong");
        let asked = Arc::clone(&users).admit(&headers, &counter);
        let hung_up = tokio::time::timeout(Duration::from_millis(1), asked).await;
        assert!(hung_up.is_err(), "the run was over in a millisecond");
        assert_eq!(counter.running.available_permits(), AT_ONCE - 1);
        while counter.running.available_permits() < AT_ONCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(counter.waiting.available_permits(), AT_ONCE + WAITING);
    });
}

#[test]
fn a_header_that_is_none_is_refused() {
    let users = users(&[("a", &hash("one"))]);
    assert_eq!(admit(&users, &HeaderMap::new()), Verdict::Refused);
    for value in ["Basic", "Basic ", "Basic %%%", "Bearer YTpvbmU=", "Basic gDo=", "YTpvbmU="] {
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        assert_eq!(admit(&users, &headers), Verdict::Refused, "{value}");
    }
    let lower = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("basic YTpvbmU="))]);
    assert_eq!(admit(&users, &lower), Verdict::Admitted);
}

#[test]
fn without_users_everybody_gets_in() {
    assert_eq!(admit(&users(&[]), &HeaderMap::new()), Verdict::Admitted);
}

#[test]
fn a_right_password_costs_once_and_a_wrong_one_each_time_whoever_it_is_said_to_be_of() {
    let users = users(&[("a", &bcrypt::hash("one", 9).unwrap())]);
    let first = time(&users, "a:one");
    let again = time(&users, "a:one");
    assert!(again < first / 4, "{first:?}, then {again:?}");
    for wrong in ["a:two", "a:two", "nobody:one", "nobody:one"] {
        let spent = time(&users, wrong);
        assert!(spent > first / 4, "{wrong}: {spent:?}, and a right one {first:?}");
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let users = users(&[("a", &hash("one"))]);
    (0..250u32).for_each(|n| users.remember(users.digest("a", &n.to_le_bytes())));
    assert_eq!(users.right.lock().unwrap().len(), REMEMBERED);
}

#[test]
fn a_flood_of_passwords_is_turned_away_and_a_known_one_still_gets_in() {
    let users = users(&[("a", &bcrypt::hash("one", 10).unwrap())]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let counter = Arc::new(Counter::default());
        assert_eq!(Arc::clone(&users).admit(&basic("a:one"), &counter).await, Verdict::Admitted);
        for _ in 0..AT_ONCE + WAITING {
            let (users, counter) = (Arc::clone(&users), Arc::clone(&counter));
            tokio::spawn(async move { users.admit(&basic("a:wrong"), &counter).await });
        }
        while counter.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let asked = |text: &str| {
            let (users, counter, headers) = (Arc::clone(&users), Arc::clone(&counter), basic(text));
            async move { users.admit(&headers, &counter).await }
        };
        assert_eq!(asked("a:another").await, Verdict::Busy);
        assert_eq!(asked("a:one").await, Verdict::Admitted);
    });
}

#[test]
fn a_hash_that_is_none_is_refused_by_the_users_name_and_not_shown() {
    let refusal = |name: &str, hash: &str| {
        let hashes = BTreeMap::from([(name.to_owned(), hash.to_owned())]);
        Users::new(Path::new("/etc/web.yml"), hashes).err().unwrap().to_string()
    };
    let plain = refusal("ann", "hunter2");
    assert!(plain.contains("ann") && plain.contains("htpasswd"), "{plain}");
    assert!(plain.contains("/etc/web.yml") && !plain.contains("hunter2"), "{plain}");
    let costly = hash("x").replacen("$04$", "$31$", 1);
    assert!(refusal("ann", &costly).contains("cost 31"));
    assert!(refusal("", &hash("x")).contains("name"));
    assert!(refusal("a:b", &hash("x")).contains("name"));
}
