//! Who is meant, and what of what.

use super::*;

#[test]
fn principals_are_accounts_keys_and_services() {
    let user = format!("arn:aws:iam::{OTHER}:user/AKIA1");
    for (principal, of_other, of_owner, of_service) in [
        (json!("*"), true, true, true),
        (json!({"AWS": "*"}), true, true, true),
        (json!({"AWS": OTHER}), true, false, false),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER}:root")}),
            true,
            false,
            false,
        ),
        (json!({"AWS": [OWNER, OTHER]}), true, true, false),
        (json!({"AWS": user}), true, false, false),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER}:user/AKIA2")}),
            false,
            false,
            false,
        ),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER}:role/sender")}),
            false,
            false,
            false,
        ),
        (json!({"Service": "sns.amazonaws.com"}), false, false, true),
        (
            json!({"Service": "events.amazonaws.com"}),
            false,
            false,
            false,
        ),
        (
            json!({"Federated": "accounts.google.com"}),
            false,
            false,
            false,
        ),
    ] {
        let changes = json!({"Principal": principal});
        assert_eq!(allows(changes.clone(), key(OTHER)), of_other, "{principal}");
        assert_eq!(allows(changes.clone(), key(OWNER)), of_owner, "{principal}");
        assert_eq!(allows(changes, SNS), of_service, "{principal}");
    }
}

#[test]
fn all_but_some_are_those_who_are_not_named() {
    let all_but = |principal: Value| json!({"Principal": null, "NotPrincipal": principal});
    assert!(!allows(all_but(json!({"AWS": OTHER})), key(OTHER)));
    assert!(allows(all_but(json!({"AWS": OTHER})), key(OWNER)));
    let but_receiving = json!({"Action": null, "NotAction": ["sqs:Receive*", "sqs:Purge*"]});
    assert!(allows(but_receiving, key(OTHER)));
    let but_sending = json!({"Action": null, "NotAction": "SQS:sendmessage"});
    assert!(!allows(but_sending, key(OTHER)));
    let elsewhere = json!({"Resource": null, "NotResource": QUEUE});
    assert!(!allows(elsewhere, key(OTHER)));
}

#[test]
fn actions_and_resources_are_patterns() {
    for (action, is_allowed) in [
        (json!("*"), true),
        (json!("SQS:SendMessage"), true),
        (json!("sqs:send*"), true),
        (json!("sqs:?endMessage"), true),
        (json!(["sqs:ReceiveMessage", "sqs:SendMessage"]), true),
        (json!("sqs:SendMessag"), false),
        (json!("sqs:ReceiveMessage"), false),
    ] {
        assert_eq!(
            allows(json!({"Action": action}), key(OTHER)),
            is_allowed,
            "{action}"
        );
    }
    for (resource, is_allowed) in [
        (json!(QUEUE), true),
        (json!("arn:aws:sqs:*:111122223333:*"), true),
        (
            json!(["arn:aws:sqs:us-east-1:111122223333:other", QUEUE]),
            true,
        ),
        (json!("arn:aws:sqs:us-east-1:111122223333:order"), false),
        (json!("arn:aws:sqs:us-east-1:111122223333:ORDERS"), false),
    ] {
        assert_eq!(
            allows(json!({"Resource": resource}), key(OTHER)),
            is_allowed,
            "{resource}"
        );
    }
}

#[test]
fn what_is_denied_is_denied_whatever_allows_it() {
    let deny = statement(json!({"Effect": "Deny", "Principal": {"AWS": OTHER}}));
    let allow = statement(json!({}));
    for statements in [[deny.clone(), allow.clone()], [allow, deny.clone()]] {
        assert_eq!(decide(&policy(&statements), key(OTHER)), Decision::Denied);
        assert_eq!(decide(&policy(&statements), key(OWNER)), Decision::Allowed);
    }
    assert_eq!(decide(&policy(&[deny]), key(OWNER)), Decision::Silent);
    assert_eq!(decide(&policy(&[]), key(OWNER)), Decision::Silent);
}

#[test]
fn a_statement_alone_is_one() {
    let text =
        json!({"Version": "2008-10-17", "Id": "one", "Statement": statement(json!({"Sid": "s"}))});
    let policy = Policy::parse(&text.to_string(), "sqs").unwrap();
    assert_eq!(decide(&policy, key(OTHER)), Decision::Allowed);
}
