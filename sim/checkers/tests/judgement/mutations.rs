//! A good history with one thing wrong in it is caught, whatever the thing and wherever it is.

use forebay_checkers::history::{Operation, Outcome};
use proptest::prelude::*;

use crate::script::{Script, verdict_of};

/// What becomes of one send.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Acknowledged,
    AcknowledgedWithoutOffset,
    UnknownAndStored,
    UnknownAndNotStored,
    Failed,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        6 => Just(Fate::Acknowledged),
        1 => Just(Fate::AcknowledgedWithoutOffset),
        1 => Just(Fate::UnknownAndStored),
        1 => Just(Fate::UnknownAndNotStored),
        1 => Just(Fate::Failed),
    ];
    prop::collection::vec(fate, 2..40)
}

/// Sends with these fates, a group that gets every record while the server is started again here and
/// there, commits, and a reading to the end.
fn good(fates: &[Fate], polls: &[usize]) -> Script {
    let mut script = Script::new();
    let mut stored: Vec<(String, u64)> = Vec::new();
    for (number, fate) in fates.iter().enumerate() {
        let value = format!("v{number}");
        let offset = stored.len() as u64;
        match fate {
            Fate::Acknowledged => script.acked(&value, offset),
            Fate::AcknowledgedWithoutOffset => script.send(Some(&value), Outcome::Ok, |_| {}),
            Fate::UnknownAndStored | Fate::UnknownAndNotStored => script.unknown(&value),
            Fate::Failed => script.failed(&value),
        };
        if !matches!(fate, Fate::UnknownAndNotStored | Fate::Failed) {
            stored.push((value, offset));
        }
        script.life = (number / 7) as u32;
    }
    let records: Vec<_> = stored.iter().map(|(v, o)| (v.as_str(), *o)).collect();
    let mut rest = &records[..];
    for size in polls {
        let (poll, after) = rest.split_at((*size).min(rest.len()));
        script.poll("follower", poll);
        rest = after;
    }
    script.drains(&records);
    script
}

/// One thing that goes wrong: with a record that the final reading shows, or with an acknowledgement.
#[derive(Clone, Copy, Debug)]
enum Mutation {
    Drop,
    Duplicate,
    Swap,
    ChangeOffset(u64),
    ChangeValue,
    ChangeAcknowledgement(u64),
}

fn mutations() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        Just(Mutation::Drop),
        Just(Mutation::Duplicate),
        Just(Mutation::Swap),
        (1..50_u64).prop_map(Mutation::ChangeOffset),
        Just(Mutation::ChangeValue),
        (1..50_u64).prop_map(Mutation::ChangeAcknowledgement),
    ]
}

/// Answers whether there was something to mutate.
fn mutate(operations: &mut Vec<Operation>, mutation: Mutation, which: prop::sample::Index) -> bool {
    let concerned = |operation: &Operation| match (mutation, operation) {
        (Mutation::ChangeAcknowledgement(_), Operation::Send(send)) => send.offset.is_some(),
        (Mutation::ChangeAcknowledgement(_), _) => false,
        (_, Operation::Receive(receive)) => receive.process == "drain",
        _ => false,
    };
    let positions: Vec<usize> = (0..operations.len())
        .filter(|position| concerned(&operations[*position]))
        .collect();
    // Two, so that a swap changes something.
    if positions.len() < 2 {
        return false;
    }
    let chosen = which.index(positions.len());
    let position = positions[chosen];
    match mutation {
        Mutation::Drop => {
            operations.remove(position);
        }
        Mutation::Duplicate => {
            let again = operations[position].clone();
            operations.insert(position, again);
        }
        Mutation::Swap => {
            operations.swap(position, positions[(chosen + 1) % positions.len()]);
        }
        Mutation::ChangeOffset(by) => match &mut operations[position] {
            Operation::Receive(receive) => receive.offset += by,
            other => unreachable!("{other:?} is no receive"),
        },
        Mutation::ChangeValue => match &mut operations[position] {
            Operation::Receive(receive) => receive.value = Some("never sent".into()),
            other => unreachable!("{other:?} is no receive"),
        },
        Mutation::ChangeAcknowledgement(by) => match &mut operations[position] {
            Operation::Send(send) => send.offset = send.offset.map(|offset| offset + by),
            other => unreachable!("{other:?} is no send"),
        },
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_single_mutation_is_caught(
        fates in fates(),
        polls in prop::collection::vec(1..6_usize, 0..10),
        mutation in mutations(),
        which in any::<prop::sample::Index>(),
    ) {
        let script = good(&fates, &polls);
        let verdict = script.verdict();
        prop_assert!(verdict.is_valid(), "{verdict}");
        let mut operations = script.operations;
        prop_assume!(mutate(&mut operations, mutation, which));
        let verdict = verdict_of(&operations);
        prop_assert!(!verdict.is_valid(), "{mutation:?} was not caught");
    }
}
