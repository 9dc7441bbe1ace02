//! What else has to be so.

use super::*;

fn holds(condition: Value) -> bool {
    allows(json!({"Condition": condition}), key(OTHER))
}

#[test]
fn operators_compare_as_they_are_documented() {
    for (condition, expected) in [
        (
            json!({"StringEquals": {"aws:PrincipalAccount": OTHER}}),
            true,
        ),
        (
            json!({"StringEquals": {"AWS:principalaccount": [OWNER, OTHER]}}),
            true,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalAccount": OWNER}}),
            false,
        ),
        (
            json!({"StringNotEquals": {"aws:PrincipalAccount": OWNER}}),
            true,
        ),
        (
            json!({"StringNotEquals": {"aws:PrincipalAccount": [OWNER, OTHER]}}),
            false,
        ),
        (
            json!({"StringEquals": {"aws:UserAgent": "AWS-CLI/2.1"}}),
            false,
        ),
        (
            json!({"StringEqualsIgnoreCase": {"aws:UserAgent": "AWS-CLI/2.1"}}),
            true,
        ),
        (
            json!({"StringNotEqualsIgnoreCase": {"aws:UserAgent": "AWS-CLI/2.1"}}),
            false,
        ),
        (json!({"StringLike": {"aws:UserAgent": "aws-cli/*"}}), true),
        (
            json!({"StringNotLike": {"aws:UserAgent": ["curl/*", "aws-cli/?.1"]}}),
            false,
        ),
        (
            json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{OTHER}:user/*")}}),
            true,
        ),
        (
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*"}}),
            false,
        ),
        (
            json!({"ArnNotLike": {"aws:PrincipalArn": format!("arn:aws:iam::{OWNER}:*")}}),
            true,
        ),
        (
            json!({"NumericLessThan": {"aws:EpochTime": 1_767_323_046}}),
            true,
        ),
        (
            json!({"NumericGreaterThanEquals": {"aws:EpochTime": "1767323045"}}),
            true,
        ),
        (
            json!({"NumericEquals": {"aws:EpochTime": 1_767_323_045}}),
            true,
        ),
        (
            json!({"NumericNotEquals": {"aws:EpochTime": 1_767_323_045}}),
            false,
        ),
        (json!({"NumericGreaterThan": {"aws:UserAgent": 1}}), false),
        (
            json!({"DateLessThan": {"aws:CurrentTime": "2026-01-02T03:04:06Z"}}),
            true,
        ),
        (
            json!({"DateLessThanEquals": {"aws:CurrentTime": "2026-01-02T04:04:05+01:00"}}),
            true,
        ),
        (
            json!({"DateGreaterThan": {"aws:CurrentTime": "2026-01-02"}}),
            true,
        ),
        (
            json!({"DateGreaterThan": {"aws:EpochTime": "2026-01-03"}}),
            false,
        ),
        (
            json!({"DateGreaterThanEquals": {"aws:CurrentTime": "1767323045"}}),
            true,
        ),
        (
            json!({"DateNotEquals": {"aws:CurrentTime": "2026-01-02T03:04:05Z"}}),
            false,
        ),
        (json!({"Bool": {"aws:SecureTransport": "false"}}), true),
        (json!({"Bool": {"aws:SecureTransport": true}}), false),
        (
            json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}}),
            true,
        ),
        (json!({"IpAddress": {"aws:SourceIp": "203.0.113.7"}}), true),
        (
            json!({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}),
            false,
        ),
        (
            json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
            false,
        ),
        (json!({"Null": {"aws:Referer": "true"}}), true),
        (json!({"Null": {"aws:UserAgent": true}}), false),
        (json!({"Null": {"aws:UserAgent": "false"}}), true),
    ] {
        assert_eq!(holds(condition.clone()), expected, "{condition}");
    }
}

#[test]
fn what_a_request_does_not_have_is_not_equal_to_anything() {
    for (operator, expected) in [
        ("StringEquals", false),
        ("StringLike", false),
        ("StringNotEquals", true),
        ("StringNotLike", true),
        ("StringEqualsIfExists", true),
        ("StringNotEqualsIfExists", true),
        ("ForAllValues:StringEquals", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringNotEquals", false),
        ("ForAllValues:StringNotLike", true),
    ] {
        let condition = json!({operator: {"aws:Referer": "https://example.com/"}});
        assert_eq!(holds(condition), expected, "{operator}");
        // The same of what it has, and is another.
        let condition = json!({operator: {"aws:UserAgent": "other"}});
        assert_eq!(holds(condition), operator.contains("Not"), "{operator}");
    }
}

#[test]
fn all_keys_of_all_operators_have_to_hold() {
    let both = |account: &str, agent: &str| {
        json!({
            "StringEquals": {"aws:PrincipalAccount": account},
            "StringLike": {"aws:UserAgent": agent, "aws:PrincipalAccount": "*"},
        })
    };
    assert!(holds(both(OTHER, "aws-*")));
    assert!(!holds(both(OWNER, "aws-*")));
    assert!(!holds(both(OTHER, "curl*")));
}

#[test]
fn a_topic_may_be_the_only_one_to_send() {
    let changes = |source: &str| {
        json!({
            "Principal": {"Service": "sns.amazonaws.com"},
            "Condition": {"ArnEquals": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": OWNER}},
        })
    };
    assert!(allows(changes(TOPIC), SNS));
    assert!(allows(changes("arn:aws:sns:*:*:news"), SNS));
    assert!(!allows(
        changes("arn:aws:sns:us-east-1:111122223333:other"),
        SNS
    ));
    assert!(!allows(changes(TOPIC), key(OWNER)));
    // As people wrote it before there were principals for services.
    let to_all = json!({"Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}});
    assert!(allows(to_all.clone(), SNS));
    assert!(!allows(to_all, key(OTHER)));
}

#[test]
fn what_depends_on_what_nobody_knows_is_not_allowed_and_is_denied() {
    for condition in [
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}),
        json!({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}),
        json!({"Null": {"aws:TokenIssueTime": "true"}}),
    ] {
        assert!(!holds(condition.clone()), "{condition}");
        let deny = statement(json!({"Effect": "Deny", "Condition": condition}));
        let decision = decide(&policy(&[statement(json!({})), deny]), key(OTHER));
        assert_eq!(decision, Decision::Denied, "{condition}");
    }
    // What does not apply for another reason does not, whatever else it depends on.
    let condition = json!({
        "StringEquals": {"aws:PrincipalOrgID": "o-1"},
        "Bool": {"aws:SecureTransport": "true"},
    });
    let deny = statement(json!({"Effect": "Deny", "Condition": condition}));
    let decision = decide(&policy(&[statement(json!({})), deny]), key(OTHER));
    assert_eq!(decision, Decision::Allowed);
}
