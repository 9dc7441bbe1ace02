//! What is true of every policy.

use proptest::prelude::*;

use super::*;

fn any_statement() -> impl Strategy<Value = Value> {
    let principals = prop::sample::select(vec![
        json!("*"),
        json!({"AWS": OTHER}),
        json!({"AWS": [OWNER, format!("arn:aws:iam::{OTHER}:user/AKIA1")]}),
        json!({"Service": "sns.amazonaws.com"}),
    ]);
    let actions = prop::sample::select(vec!["*", "sqs:*", "sqs:Send*", "sqs:ReceiveMessage"]);
    let conditions = prop::sample::select(vec![
        json!({}),
        json!({"Bool": {"aws:SecureTransport": "false"}}),
        json!({"StringNotEquals": {"aws:PrincipalAccount": OWNER}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}),
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
    ]);
    let not = || any::<bool>();
    (not(), principals, not(), actions, not(), conditions).prop_map(
        |(denies, principal, not_principal, action, not_action, condition)| {
            let mut statement = statement(json!({"Principal": null, "Action": null}));
            let effect = if denies { "Deny" } else { "Allow" };
            statement["Effect"] = json!(effect);
            let name = |not: bool, name: &str| {
                if not {
                    format!("Not{name}")
                } else {
                    name.to_owned()
                }
            };
            statement[name(not_principal, "Principal")] = principal;
            statement[name(not_action, "Action")] = json!(action);
            statement["Condition"] = condition;
            statement
        },
    )
}

proptest! {
    #[test]
    fn a_policy_decides_as_its_statements_do_one_by_one(
        statements in prop::collection::vec(any_statement(), 0..6),
        asker in 0..3usize,
    ) {
        let asker = [key(OWNER), key(OTHER), SNS][asker];
        let alone: Vec<_> = statements
            .iter()
            .map(|one| decide(&policy(std::slice::from_ref(one)), asker))
            .collect();
        let expected = if alone.contains(&Decision::Denied) {
            Decision::Denied
        } else if alone.contains(&Decision::Allowed) {
            Decision::Allowed
        } else {
            Decision::Silent
        };
        prop_assert_eq!(decide(&policy(&statements), asker), expected);
    }

    #[test]
    fn any_text_is_a_policy_or_an_error(text in "\\PC{0,200}") {
        let _ = Policy::parse(&text, "sqs");
    }

    #[test]
    fn whoever_is_neither_named_nor_in_all_is_allowed_nothing(statement in any_statement()) {
        let nobody = key("999900001111");
        let names_all = statement.get("Principal") == Some(&json!("*")) || statement.get("NotPrincipal").is_some();
        if !names_all {
            prop_assert_eq!(decide(&policy(&[statement]), nobody), Decision::Silent);
        }
    }
}
