//! Which topics and partitions a reset is for: `orders`, `orders:0,3`.

use std::collections::BTreeMap;

/// A topic, and the partitions that are meant; none means all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    topic: String,
    partitions: Vec<i32>,
}

/// Reads `orders` or `orders:0,3`.
pub(super) fn selection(text: &str) -> Result<Selection, String> {
    let expected = || "expected TOPIC or TOPIC:PARTITION,PARTITION".to_owned();
    let (topic, partitions) = match text.split_once(':') {
        None => (text, Vec::new()),
        Some((topic, list)) => {
            let number = |word: &str| word.parse::<u16>().map(i32::from).map_err(|_| expected());
            (
                topic,
                list.split(',').map(number).collect::<Result<_, _>>()?,
            )
        }
    };
    if topic.is_empty() {
        Err(expected())
    } else {
        Ok(Selection {
            topic: topic.to_owned(),
            partitions,
        })
    }
}

/// The selections by topic: one that is named twice is merged, and all partitions win over some.
pub(super) fn merge(selections: &[Selection]) -> BTreeMap<&str, Vec<i32>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for selection in selections {
        match topics.get_mut(selection.topic.as_str()) {
            None => {
                topics.insert(&selection.topic, selection.partitions.clone());
            }
            Some(partitions) if partitions.is_empty() || selection.partitions.is_empty() => {
                partitions.clear();
            }
            Some(partitions) => partitions.extend(&selection.partitions),
        }
    }
    for partitions in topics.values_mut() {
        partitions.sort_unstable();
        partitions.dedup();
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_may_name_its_partitions() {
        let some = Selection {
            topic: "orders".to_owned(),
            partitions: vec![0, 3],
        };
        assert_eq!(selection("orders:0,3"), Ok(some));
        assert_eq!(selection("orders").unwrap().partitions, Vec::<i32>::new());
        for wrong in ["", ":1", "orders:", "orders:a", "orders:-1", "orders:1,"] {
            assert!(selection(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_topic_that_is_named_twice_is_reset_once() {
        let selections: Vec<_> = ["a:3,1", "a:1,2", "b:1", "b"]
            .iter()
            .map(|text| selection(text).unwrap())
            .collect();
        let merged = merge(&selections);
        assert_eq!(merged["a"], [1, 2, 3]);
        assert!(merged["b"].is_empty(), "all partitions");
    }
}
