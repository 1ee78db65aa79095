//! Matchers against asking each series.

use std::path::Path;
use std::sync::Arc;

use journal::faulty::FaultDisk;
use model::series::{Matcher, MatcherOp, Samples};
use proptest::prelude::*;
use regex::Regex;

use super::select;
use crate::block::{Block, Foot, Opener, Plan, write};
use crate::cache::Cache;
use crate::hash::Key;
use crate::head::Index;

/// Names a to c; an empty value is no label.
type Rows = Vec<[String; 3]>;

const NAMES: [&str; 3] = ["__name__", "b", "c"];

fn expression() -> impl Strategy<Value = String> {
    prop_oneof![
        "[x-z]{1,2}",
        prop::collection::vec("[x-z]{0,2}", 1..4).prop_map(|values| values.join("|")),
        "[x-z]".prop_map(|prefix| format!("{prefix}.*")),
        Just(".*".to_owned()),
        Just(".+".to_owned()),
        Just("(x|y)z?".to_owned()),
        Just("(?i)X".to_owned()),
        Just("x$|^y".to_owned()),
        Just("\\bx".to_owned()),
        Just("[^x]+".to_owned()),
        Just(String::new()),
    ]
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let name = prop_oneof!["__name__", "b", "c", "d"];
    (name, 0u8..4, "[x-z]{0,2}", expression()).prop_map(|(name, kind, value, source)| {
        let regex = || Regex::new(&format!("^(?s:{source})$")).unwrap();
        let (op, value) = match kind {
            0 => (MatcherOp::Equal, value),
            1 => (MatcherOp::NotEqual, value),
            2 => (MatcherOp::Matches(regex()), source),
            _ => (MatcherOp::NotMatches(regex()), source),
        };
        Matcher { name, op, value }
    })
}

fn labels(row: &[String; 3]) -> impl Iterator<Item = (&str, &str)> {
    NAMES.iter().zip(row).filter(|(_, v)| !v.is_empty()).map(|(n, v)| (*n, v.as_str()))
}

fn passes(row: &[String; 3], matchers: &[Matcher]) -> bool {
    matchers.iter().all(|matcher| {
        let value = labels(row).find(|(name, _)| *name == matcher.name);
        matcher.accepts(value.map_or("", |(_, value)| value))
    })
}

fn as_block(rows: &Rows) -> Arc<crate::block::BlockIndex> {
    let opener = Opener {
        disk: Arc::new(FaultDisk::new()),
        cache: Arc::new(Cache::new(1 << 20)),
        damage: Arc::default(),
        key: Key::random(),
    };
    opener.disk.create_folder(Path::new("/b")).unwrap();
    let path = Path::new("/b/0-1-0.block");
    let mut plan = Plan::new(opener.key.clone());
    rows.iter().for_each(|row| plan.add(labels(row), ()));
    let read = |(): &(), into: &mut Samples| {
        into.push(1, 1.0);
        Ok(())
    };
    write((&*opener.disk, path), Foot::default(), &plan.finish(), &opener.key, read).unwrap();
    Block::open(&opener, path, 1).unwrap().index().unwrap()
}

proptest! {
    #[test]
    fn an_index_finds_what_asking_each_series_finds(
        rows in prop::collection::btree_set(prop::array::uniform3("[x-z]{0,2}"), 1..40),
        matchers in prop::collection::vec(matcher(), 0..4), removed in prop::collection::btree_set(0u32..40, 0..9),
    ) {
        let rows: Rows = rows.into_iter().filter(|row| labels(row).next().is_some()).collect();
        let mut index = Index::new(Key::random());
        for (at, row) in rows.iter().enumerate() {
            index.add(at as u128 + 1, labels(row));
        }
        let removed: Vec<u32> = removed.into_iter().filter(|slot| (*slot as usize) < rows.len()).collect();
        index.remove(&removed);
        let wanted = |gone: &[u32]| (0u32..).zip(&rows).filter(|(slot, row)| {
            !gone.contains(slot) && passes(row, &matchers)
        }).map(|(slot, _)| slot).collect::<Vec<_>>();
        prop_assert_eq!(select(&index, &matchers), wanted(&removed));
        // Slots and pairs that are given again are those of the new series.
        for slot in removed.iter().rev() {
            let row = &rows[*slot as usize];
            let given = index.add(u128::from(*slot) + 1, labels(row));
            prop_assert!(removed.contains(&given));
        }
        let texts = |slots: Vec<u32>| {
            let mut all: Vec<_> = slots.into_iter().map(|slot| index.labels(slot).to_string()).collect();
            all.sort();
            all
        };
        let mut naive: Vec<_> = rows.iter().filter(|row| passes(row, &matchers))
            .map(|row| model::labels::Labels::new(labels(row)).to_string()).collect();
        naive.sort();
        prop_assert_eq!(&texts(select(&index, &matchers)), &naive);
        if !rows.is_empty() {
            let block = as_block(&rows);
            let mut found: Vec<_> = select(&*block, &matchers).into_iter().map(|at| block.labels(at).to_string()).collect();
            found.sort();
            prop_assert_eq!(&found, &naive);
        }
    }
}
