//! Both do as `BTreeMap` and `BTreeSet` do.

use super::*;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use proptest::prelude::*;

/// What is written into it, write by write.
#[derive(Default)]
struct Written(Vec<Vec<u8>>);

impl Hasher for Written {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.push(bytes.to_vec());
    }
}

fn written(of: &impl Hash) -> Vec<Vec<u8>> {
    let mut written = Written::default();
    of.hash(&mut written);
    written.0
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u32),
    Remove(u8),
    Change(u8, u32),
    Add(u8, u32),
    PopFirst,
    Retain(u8),
    DoubleAll,
    Extend(Vec<(u8, u32)>),
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..60_u8;
    let entries = proptest::collection::vec((key(), any::<u32>()), 0..20);
    let step = prop_oneof![
        8 => (key(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        4 => key().prop_map(Step::Remove),
        2 => (key(), any::<u32>()).prop_map(|(key, value)| Step::Change(key, value)),
        4 => (key(), any::<u32>()).prop_map(|(key, more)| Step::Add(key, more)),
        2 => Just(Step::PopFirst),
        1 => (1..7_u8).prop_map(Step::Retain),
        1 => Just(Step::DoubleAll),
        1 => entries.prop_map(Step::Extend),
        1 => Just(Step::Clear),
    ];
    proptest::collection::vec(step, 0..60)
}

/// Does the same to any map.
macro_rules! run {
    ($map:expr, $step:expr) => {
        match $step {
            Step::Insert(key, value) => format!("{:?}", $map.insert(*key, *value)),
            Step::Remove(key) => format!("{:?}", $map.remove(key)),
            Step::Change(key, value) => {
                let found = $map.get_mut(key).map(|old| core::mem::replace(old, *value));
                format!("{found:?}")
            }
            Step::Add(key, more) => {
                let sum = match more % 3 {
                    0 => $map.entry(*key).or_default(),
                    1 => $map.entry(*key).or_insert(7),
                    _ => $map.entry(*key).or_insert_with(|| *more),
                };
                *sum = sum.wrapping_add(*more);
                format!("{sum}")
            }
            Step::PopFirst => format!("{:?}", $map.pop_first()),
            Step::Retain(every) => {
                $map.retain(|key, value| {
                    *value = value.wrapping_add(1);
                    key % every != 0
                });
                format!("{}", $map.is_empty())
            }
            Step::DoubleAll => {
                $map.values_mut().for_each(|value| *value = value.wrapping_mul(2));
                for (key, value) in &mut $map {
                    *value ^= u32::from(*key);
                }
                format!("{}", $map.len())
            }
            Step::Extend(entries) => {
                $map.extend(entries.iter().copied());
                format!("{:?}", $map.iter().next())
            }
            Step::Clear => {
                $map.clear();
                format!("{:?}", $map.iter().next_back())
            }
        }
    };
}

proptest! {
    #[test]
    fn a_map_does_as_a_btree_map(steps in steps(), probe in 0..60_u8, to in 0..60_u8) {
        let (mut map, mut model) = (SortedMap::<u8, u32>::new(), BTreeMap::new());
        for step in &steps {
            prop_assert_eq!(run!(map, step), run!(model, step));
            prop_assert!(map.iter().eq(&model) && map.iter().rev().eq(model.iter().rev()));
            prop_assert_eq!(map.iter().len(), model.len());
        }
        prop_assert!(map.keys().eq(model.keys()) && map.values().eq(model.values()));
        prop_assert_eq!(map.get(&probe), model.get(&probe));
        prop_assert_eq!(map.contains_key(&probe), model.contains_key(&probe));
        prop_assert!(map.range(probe..).eq(model.range(probe..)));
        prop_assert!(map.range(..probe).eq(model.range(..probe)));
        prop_assert!(map.range(..=probe).eq(model.range(..=probe)));
        let to = to.max(probe);
        prop_assert!(map.range(probe..=to).eq(model.range(probe..=to)));
        let behind = (Bound::Excluded(probe), Bound::Unbounded);
        prop_assert!(map.range(behind).eq(model.range(behind)));
        prop_assert_eq!(format!("{map:?} {map:#?}"), format!("{model:?} {model:#?}"));
        prop_assert_eq!(written(&map), written(&model));
        prop_assert_eq!(&map, &map.iter().rev().map(|(key, value)| (*key, *value)).collect());
        let (keys, values) = (map.clone().into_keys(), map.clone().into_values());
        prop_assert!(keys.zip(values).eq(model.clone()));
        prop_assert!(map.into_iter().eq(model));
    }

    #[test]
    fn a_set_does_as_a_btree_set(
        steps in proptest::collection::vec((0..60_i64, any::<bool>()), 0..80),
        probe in 0..60_i64,
    ) {
        let (mut set, mut model) = (SortedSet::new(), BTreeSet::new());
        for (item, is_removal) in &steps {
            if *is_removal {
                prop_assert_eq!(set.remove(item), model.remove(item));
            } else {
                prop_assert_eq!(set.insert(*item), model.insert(*item));
            }
            prop_assert!(set.iter().eq(&model) && set.len() == model.len());
            prop_assert_eq!(set.first(), model.first());
        }
        prop_assert_eq!(set.contains(&probe), model.contains(&probe));
        set.retain(|item| *item != probe);
        model.retain(|item| *item != probe);
        prop_assert_eq!(format!("{set:?} {set:#?}"), format!("{model:?} {model:#?}"));
        prop_assert_eq!(written(&set), written(&model));
        prop_assert_eq!(&set, &steps.iter().map(|(item, _)| *item).filter(|item| {
            model.contains(item)
        }).collect());
        prop_assert!(set.into_iter().eq(model));
    }
}

#[test]
fn keys_are_found_by_what_they_borrow() {
    let map = SortedMap::from([("b".to_owned(), 2), ("a".to_owned(), 1), ("b".to_owned(), 3)]);
    assert_eq!((map["a"], map["b"], map.get("c")), (1, 3, None), "the last of equal keys counts");
    let set = SortedSet::from(["b".to_owned(), "a".to_owned()]);
    assert!(set.contains("a") && !set.contains("c"));
}
