//! What AWS's documentation says is taken and what is not: "Example filter policies", "String value matching",
//! "Numeric value matching", "Key matching", "AND/OR logic" of the Amazon SNS Developer Guide.

use super::{takes_attributes, takes_body};

/// The message of "Example filter policies".
const ATTRIBUTES: [(&str, &str, &str); 4] = [
    (
        "customer_interests",
        "String.Array",
        r#"["soccer", "rugby", "hockey"]"#,
    ),
    ("store", "String", "example_corp"),
    ("event", "String", "order_placed"),
    ("price_usd", "Number", "210.75"),
];
const BODY: &str = r#"{"customer_interests": ["soccer", "rugby", "hockey"], "store": "example_corp",
                      "event": "order_placed", "price_usd": 210.75}"#;

#[test]
fn the_examples_are_taken_and_refused() {
    let cases = [
        (r#"{"store": ["example_corp"]}"#, true),
        (
            r#"{"store": ["example_corp"], "event": [{"anything-but": "order_cancelled"}],
                "customer_interests": ["rugby", "football", "baseball"],
                "price_usd": [{"numeric": [">=", 100]}]}"#,
            true,
        ),
        (
            r#"{"store": ["example_corp"], "event": ["order_cancelled"],
                "encrypted": [false],
                "customer_interests": ["basketball", "baseball"]}"#,
            false,
        ),
        (r#"{"encrypted": [{"exists": false}]}"#, true),
        (r#"{"store": [{"exists": true}]}"#, true),
        (r#"{"store": [{"exists": false}]}"#, false),
        (r#"{}"#, true),
    ];
    for (policy, taken) in cases {
        assert_eq!(takes_attributes(policy, &ATTRIBUTES), taken, "{policy}");
        assert_eq!(takes_body(policy, BODY), taken, "{policy}");
    }
}

#[test]
fn strings_match_as_documented() {
    let string = |text| ("customer_interests", "String", text);
    let array = |text| ("customer_interests", "String.Array", text);
    let cases = [
        (r#"["rugby", "tennis"]"#, string("rugby"), true),
        (r#"["rugby", "tennis"]"#, string("baseball"), false),
        (r#"["rugby", "tennis"]"#, string("Rugby"), false),
        (
            r#"["rugby", "tennis"]"#,
            array(r#"["rugby", "tennis"]"#),
            true,
        ),
        (r#"["rugby", "tennis"]"#, array(r#"["baseball"]"#), false),
        (r#"["rugby"]"#, array("['rugby']"), false),
        ("[true]", array("[true]"), true),
        ("[null]", array("[null]"), true),
        (
            r#"[{"anything-but": ["rugby", "tennis"]}]"#,
            string("baseball"),
            true,
        ),
        (
            r#"[{"anything-but": ["rugby", "tennis"]}]"#,
            string("rugby"),
            false,
        ),
        // It has one that is neither.
        (
            r#"[{"anything-but": ["rugby", "tennis"]}]"#,
            array(r#"["rugby", "baseball"]"#),
            true,
        ),
        (
            r#"[{"anything-but": ["rugby", "tennis"]}]"#,
            array(r#"["rugby"]"#),
            false,
        ),
        (
            r#"[{"anything-but": {"prefix": "bas"}}]"#,
            string("rugby"),
            true,
        ),
        (
            r#"[{"anything-but": {"prefix": "bas"}}]"#,
            string("baseball"),
            false,
        ),
        (
            r#"[{"anything-but": {"suffix": ["ball", "is"]}}]"#,
            string("baseball"),
            false,
        ),
        (
            r#"[{"anything-but": {"suffix": ["ball", "is"]}}]"#,
            string("rugby"),
            true,
        ),
        (
            r#"[{"anything-but": {"equals-ignore-case": "RUGBY"}}]"#,
            string("rugby"),
            false,
        ),
        (
            r#"[{"anything-but": {"wildcard": "*g*"}}]"#,
            string("rugby"),
            false,
        ),
        (
            r#"[{"anything-but": {"wildcard": "*g*"}}]"#,
            string("tennis"),
            true,
        ),
        (
            r#"[{"equals-ignore-case": "tennis"}]"#,
            string("TENNIS"),
            true,
        ),
        (
            r#"[{"equals-ignore-case": "ÄRGER"}]"#,
            string("ärger"),
            true,
        ),
        (
            r#"[{"equals-ignore-case": "tennis"}]"#,
            string("rugby"),
            false,
        ),
        (r#"[{"prefix": "bas"}]"#, string("baseball"), true),
        (r#"[{"prefix": "bas"}]"#, string("rugby"), false),
        (r#"[{"suffix": "ball"}]"#, string("baseball"), true),
        (r#"[{"suffix": "ball"}]"#, string("rugby"), false),
        (r#"[{"wildcard": "b*ball"}]"#, string("baseball"), true),
        (r#"[{"wildcard": "b*all*ball"}]"#, string("ball"), false),
        (r#"[{"wildcard": "*"}]"#, string(""), true),
        (r#"[{"wildcard": "a\\*c"}]"#, string("a*c"), true),
        (r#"[{"wildcard": "a\\*c"}]"#, string("abc"), false),
        (r#"[{"cidr": "10.0.0.0/24"}]"#, string("10.0.0.255"), true),
        (r#"[{"cidr": "10.0.0.0/24"}]"#, string("10.0.1.1"), false),
        (r#"[{"cidr": "10.0.0.0/24"}]"#, string("10.0.0.256"), false),
        (r#"[{"cidr": "0.0.0.0/0"}]"#, string("10.0.0.1"), true),
        (
            r#"[{"cidr": "2001:db8:1234:1a00::/64"}]"#,
            string("2001:0db8:1234:1a00:0000:0000:0000:0000"),
            true,
        ),
        (
            r#"[{"cidr": "2001:db8:1234:1a00::/64"}]"#,
            string("2001:0db8:123f:1a01::"),
            false,
        ),
        (
            r#"["test1", {"prefix": "som"}]"#,
            array(r#"["anything", "something"]"#),
            true,
        ),
        // A string that looks like a number is none.
        (r#"[{"numeric": ["=", 5]}]"#, string("5"), false),
    ];
    for (patterns, attribute, taken) in cases {
        let policy = format!(r#"{{"customer_interests": {patterns}}}"#);
        assert_eq!(
            takes_attributes(&policy, &[attribute]),
            taken,
            "{policy} {attribute:?}"
        );
    }
}

#[test]
fn numbers_match_as_documented() {
    let cases = [
        (r#"{"numeric": ["=", 301.5]}"#, "301.5", true),
        (r#"{"numeric": ["=", 301.5]}"#, "3.015e2", true),
        (r#"{"numeric": ["=", 301.5]}"#, "301.6", false),
        (r#"{"numeric": ["=", 0.3]}"#, "0.300001", true),
        (r#"{"numeric": ["=", 0.3]}"#, "0.30001", false),
        (r#"{"numeric": [">", 0, "<=", 150]}"#, "150", true),
        (r#"{"numeric": [">", 0, "<=", 150]}"#, "0", false),
        (r#"{"numeric": [">=", 0, "<", 150]}"#, "0", true),
        (r#"{"numeric": [">=", 0, "<", 150]}"#, "150", false),
        (r#"{"numeric": ["<", -5]}"#, "-6", true),
        (r#"{"numeric": ["<", -5]}"#, "-5", false),
        (r#"{"numeric": [">", 5]}"#, "2000000000", false),
        (r#"{"anything-but": [100, 500]}"#, "101", true),
        (r#"{"anything-but": [100, 500]}"#, "100.0", false),
        ("210.75", "210.75", true),
        (r#""210.75""#, "210.75", false),
    ];
    for (pattern, number, taken) in cases {
        let policy = format!(r#"{{"price_usd": [{pattern}]}}"#);
        let attribute = ("price_usd", "Number", number);
        assert_eq!(
            takes_attributes(&policy, &[attribute]),
            taken,
            "{policy} {number}"
        );
        let body = format!(r#"{{"price_usd": {number}}}"#);
        assert_eq!(takes_body(&policy, &body), taken, "{policy} {body}");
    }
}

#[test]
fn keys_match_by_whether_they_are_there() {
    let cases = [
        (r#"[{"exists": true}]"#, r#"{"store": 1}"#, true),
        (r#"[{"exists": true}]"#, r#"{"store": null}"#, true),
        (r#"[{"exists": true}]"#, r#"{"other": 1}"#, false),
        (r#"[{"exists": true}]"#, r#"{"store": {"other": 1}}"#, false),
        (r#"[{"exists": true}]"#, r#"{"store": []}"#, false),
        (r#"[{"exists": false}]"#, r#"{"store": 1}"#, false),
        (r#"[{"exists": false}]"#, r#"{"other": 1}"#, true),
        (r#"[{"exists": false}]"#, "{}", true),
        (
            r#"[{"exists": false}, {"anything-but": "a"}]"#,
            r#"{"store": "b"}"#,
            true,
        ),
        (
            r#"[{"exists": false}, {"anything-but": "a"}]"#,
            r#"{"store": "a"}"#,
            false,
        ),
        (r#"[{"exists": false}, {"anything-but": "a"}]"#, "{}", true),
        (r#"[null]"#, r#"{"store": null}"#, true),
        (r#"["x"]"#, "not JSON", false),
        (r#"["x"]"#, r#"["x"]"#, false),
    ];
    for (patterns, body, taken) in cases {
        let policy = format!(r#"{{"store": {patterns}}}"#);
        assert_eq!(takes_body(&policy, body), taken, "{policy} {body}");
    }
}

#[test]
fn alternatives_hold_one_by_one() {
    let policy = r#"{"source": ["aws.cloudwatch"],
        "$or": [{"metricName": ["CPUUtilization"]},
                {"metricType": ["MetricType"],
                 "$or": [{"metricId": [1234]}, {"spaceId": [1000]}]}]}"#;
    let cases = [
        (
            r#"{"source": "aws.cloudwatch", "metricName": "CPUUtilization"}"#,
            true,
        ),
        (
            r#"{"source": "aws.cloudwatch", "metricType": "MetricType", "spaceId": 1000}"#,
            true,
        ),
        (
            r#"{"source": "aws.cloudwatch", "metricType": "MetricType"}"#,
            false,
        ),
        (r#"{"source": "aws.cloudwatch", "spaceId": 1000}"#, false),
        (r#"{"metricName": "CPUUtilization"}"#, false),
    ];
    for (body, taken) in cases {
        assert_eq!(takes_body(policy, body), taken, "{body}");
    }
}

#[test]
fn what_is_no_list_of_alternatives_is_a_key_called_or() {
    // One object only, or objects with words that are operators.
    assert!(takes_body(
        r#"{"$or": [{"prefix": "a"}]}"#,
        r#"{"$or": "abc"}"#
    ));
    let operators = r#"{"$or": [{"prefix": "a"}, {"suffix": "z"}]}"#;
    assert!(takes_body(operators, r#"{"$or": "xyz"}"#));
    assert!(!takes_body(operators, r#"{"$or": "xy"}"#));
}

#[test]
fn dots_and_nesting_are_the_same() {
    let policies = [
        r#"{"object.nested.test": ["x"]}"#,
        r#"{"object": {"nested.test": ["x"]}}"#,
        r#"{"object": {"nested": {"test": ["x"]}}}"#,
    ];
    let bodies = [
        r#"{"object": {"nested": {"test": "x"}}}"#,
        r#"{"object.nested.test": "x"}"#,
        r#"{"object.nested": {"test": "x"}}"#,
        r#"{"object": {"nested.test": "x"}}"#,
    ];
    for policy in policies {
        for body in bodies {
            assert!(takes_body(policy, body), "{policy} {body}");
        }
        assert!(!takes_body(
            policy,
            r#"{"object": {"nested": {"test": "y"}}}"#
        ));
    }
}

/// "Introducing payload-based message filtering for Amazon SNS", AWS Compute Blog.
#[test]
fn what_is_wanted_of_an_element_is_found_in_one() {
    let policy = r#"{"Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}},
                                 "eventName": [{"prefix": "ObjectCreated:"}]}}"#;
    let record = |event: &str, key: &str| {
        format!(r#"{{"eventName": "{event}", "s3": {{"object": [[{{"key": "{key}"}}]]}}}}"#)
    };
    let created = record("ObjectCreated:Put", "auto-1.xml");
    let other_key = record("ObjectCreated:Put", "home-1.xml");
    let other_event = record("ObjectRemoved:Delete", "auto-1.xml");
    let cases = [
        (vec![&created], true),
        (vec![&other_key, &created], true),
        (vec![&other_key, &other_event], false),
        (vec![], false),
    ];
    for (records, taken) in cases {
        let records: Vec<&str> = records.into_iter().map(|record| &**record).collect();
        let body = format!(r#"{{"Records": [{}]}}"#, records.join(","));
        assert_eq!(takes_body(policy, &body), taken, "{body}");
    }
}

#[test]
fn binary_attributes_are_not_seen() {
    // They have no text; the caller leaves them out.
    assert!(takes_attributes(r#"{"picture": [{"exists": false}]}"#, &[]));
}
