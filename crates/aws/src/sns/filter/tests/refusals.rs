//! What AWS answered to policies like these, word by word.

use super::super::{FilterPolicy, FilterScope};

fn refusal(policy: &str) -> String {
    let refused = FilterPolicy::compile(policy, FilterScope::MessageBody);
    refused.expect_err(policy).to_string()
}

/// What is wrong, and in which column.
fn policy_with(why: &str, column: usize) -> String {
    format!(
        "FilterPolicy: {why}\n at [Source: REDACTED \
         (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: {column}]"
    )
}

#[test]
fn a_policy_that_is_wrong_is_told_what_and_where() {
    let cases = [
        (
            r#"{"key":[["value"]]}"#,
            "Match value must be String, number, true, false, or null",
            10,
        ),
        (
            r#"{"key":[{"wrong-operator":true}]}"#,
            "Unrecognized match type wrong-operator",
            31,
        ),
        (
            r#"{"key":[{"suffix":"value","prefix":"value2"}]}"#,
            "Only one key allowed in match expression",
            37,
        ),
        (r#"{"key":[]}"#, "Empty arrays are not allowed", 10),
        (
            r#"{"key":[{"suffix":100}]}"#,
            "suffix match pattern must be a string",
            22,
        ),
        (
            r#"{"key":[{"suffix":null}]}"#,
            "suffix match pattern must be a string",
            23,
        ),
        (
            r#"{"key":{"suffix":"value"}}"#,
            "\"suffix\" must be an object or an array",
            19,
        ),
        (
            r#"{"key":[{"suffix":[]}]}"#,
            "suffix match pattern must be a string",
            20,
        ),
        (
            r#"{"key":{"not-an-operator":"value"}}"#,
            "\"not-an-operator\" must be an object or an array",
            28,
        ),
        (
            r#"{"key":[{"cidr":["bad-filter"]}]}"#,
            "prefix match pattern must be a string",
            18,
        ),
        (
            r#"{"key_a":"value_one"}"#,
            "\"key_a\" must be an object or an array",
            11,
        ),
        (
            r#"{"key":[{"exists":null}]}"#,
            "exists match pattern must be either true or false.",
            23,
        ),
        (
            r#"{"key":[{"exists":"no"}]}"#,
            "exists match pattern must be either true or false.",
            20,
        ),
        (
            r#"{"key":[{"anything-but":{"wrong-operator":null}}]}"#,
            "Unsupported anything-but pattern: wrong-operator",
            47,
        ),
        (
            r#"{"key":[{"anything-but":{"exists":false}}]}"#,
            "Unsupported anything-but pattern: exists",
            40,
        ),
        (
            r#"{"key":[{"anything-but":{"prefix":false}}]}"#,
            "prefix match pattern must be a string",
            40,
        ),
    ];
    for (policy, why, column) in cases {
        assert_eq!(refusal(policy), policy_with(why, column), "{policy}");
    }
}

#[test]
fn a_numeric_range_that_is_wrong_is_told_what_and_where() {
    let cases = [
        ("[]", "Invalid member in numeric match: ]", 22),
        (
            r#"["operator"]"#,
            "Unrecognized numeric range operator: operator",
            32,
        ),
        (r#"[1,"<="]"#, "Invalid member in numeric match: 1", 22),
        (r#"["=","000"]"#, "Value of equals must be numeric", 26),
        (r#"[">="]"#, "Value of >= must be numeric", 26),
        (
            r#"["<",100,">",10]"#,
            "Too many elements in numeric expression",
            30,
        ),
        (r#"[">=",1,">",2]"#, "Bad numeric range operator: >", 31),
        (r#"[">",3,"<",1]"#, "Bottom must be less than top", 33),
        (r#"[">",20,"<="]"#, "Value of <= must be numeric", 33),
        (r#"[">",20,30]"#, "Bad value in numeric range: 30", 30),
        (r#"[">",20,"test"]"#, "Bad numeric range operator: test", 34),
        (r#"[">","20","<","30"]"#, "Value of > must be numeric", 26),
        (r#"[">",20,"<","30"]"#, "Value of < must be numeric", 33),
        (
            r#"[">",20,"<",30,"<",50]"#,
            "Too many terms in numeric range expression",
            36,
        ),
    ];
    for (range, why, column) in cases {
        let policy = format!(r#"{{"key":[{{"numeric":{range}}}]}}"#);
        assert_eq!(refusal(&policy), policy_with(why, column), "{policy}");
    }
}

#[test]
fn a_block_of_addresses_that_is_none_is_told_so() {
    let cases = [
        ("bad-filter", "Malformed CIDR, one '/' required"),
        ("bad-filter/64", "Nonstandard IP address: bad-filter"),
        (
            "bad-/64filter",
            "Malformed CIDR, mask bits must be an integer",
        ),
        ("xx.11.xx/8", "Nonstandard IP address: xx.11.xx"),
        (
            "xxxx:db8:1234:1a00::/64",
            "Nonstandard IP address: xxxx:db8:1234:1a00::",
        ),
    ];
    for (cidr, why) in cases {
        let policy = format!(r#"{{"key":[{{"cidr":"{cidr}"}}]}}"#);
        assert_eq!(refusal(&policy), format!("FilterPolicy: {why}"));
    }
}

#[test]
fn what_is_no_json_is_told_what_was_expected_instead() {
    let unparsable =
        |why: &str, column| policy_with(&format!("failed to parse JSON. {why}"), column);
    assert_eq!(
        refusal("{invalidjson}"),
        unparsable(
            "Unexpected character ('i' (code 105)): was expecting double-quote to start field name",
            2
        )
    );
    assert_eq!(
        refusal("invalid"),
        unparsable(
            "Unrecognized token 'invalid': was expecting (JSON String, Number, Array, Object or \
             token 'null', 'true' or 'false')",
            8
        )
    );
    // However a policy ends too early, it is told so, and nothing panics.
    let whole =
        r#"{"a":[{"numeric":[">",-1.5e2,"<=",3]},"\"x",null,true],"$or":[{"b":[1]},{"c":["ü"]}]}"#;
    FilterPolicy::compile(whole, FilterScope::MessageBody).unwrap();
    for end in 0..whole.len() {
        let Some(part) = whole.get(..end) else {
            continue;
        };
        refusal(part);
    }
}

/// A text of so many values.
fn values(count: usize) -> String {
    let values: Vec<String> = (0..count).map(|value| format!("\"v{value}\"")).collect();
    format!("[{}]", values.join(","))
}

#[test]
fn combinations_are_counted_as_aws_counts_them() {
    let too_complex = "FilterPolicy: Filter policy is too complex";
    let refused = [
        format!(r#"{{"key":{}}}"#, values(151)),
        format!(r#"{{"key1":{},"key2":{}}}"#, values(100), values(51)),
        // 3 x 4 x 2 x 3 x 1 x 3 = 216
        format!(
            r#"{{"key_a":{{"key_b":{{"key_c":{}}}}},"key_d":{{"key_e":{}}},"key_f":{}}}"#,
            values(4),
            values(3),
            values(3)
        ),
        // 4 x 6 + 4 x 4 x 4 + 4 x 4 x 4 = 152
        with_alternatives(4, 6, 4),
        // (3 + 2) x 2 x 2 x (1 + 3) x 2 = 160
        format!(
            r#"{{"$or":[{{"m":{}}},{{"n":{}}}],"d":{{"s":{},"$or":[{{"a":{}}},{{"t":{}}}]}}}}"#,
            values(3),
            values(2),
            values(2),
            values(1),
            values(3)
        ),
    ];
    for policy in refused {
        assert_eq!(refusal(&policy), too_complex, "{policy}");
    }
    // 3 x 6 + 3 x 4 x 4 + 3 x 4 x 7 = 150
    let allowed = [
        with_alternatives(3, 6, 7),
        format!(r#"{{"key":{}}}"#, values(150)),
    ];
    for policy in allowed {
        FilterPolicy::compile(&policy, FilterScope::MessageBody).unwrap();
    }
}

fn with_alternatives(source: usize, name: usize, space: usize) -> String {
    format!(
        r#"{{"source":{},"$or":[{{"name":{}}},{{"type":{},"$or":[{{"id":{}}},{{"space":{}}}]}}]}}"#,
        values(source),
        values(name),
        values(4),
        values(4),
        values(space)
    )
}

#[test]
fn a_policy_has_five_keys_and_what_is_below_them_is_not_counted() {
    let flat = r#"{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}"#;
    assert_eq!(
        refusal(flat),
        "FilterPolicy: Filter policy can not have more than 5 keys"
    );
    let nested = r#"{"a":{"b":["1"],"c":["1"],"d":["1"]},"e":{"f":["1"],"g":["1"],"h":["1"]}}"#;
    FilterPolicy::compile(nested, FilterScope::MessageBody).unwrap();
}

#[test]
fn a_policy_of_alternatives_within_alternatives_is_refused_before_it_is_multiplied() {
    let one = r#""$or":[{"a":["1"]},{"b":["1"]}]"#;
    let many = vec![one; 64].join(",");
    assert_eq!(
        refusal(&format!("{{{many}}}")),
        "FilterPolicy: Filter policy is too complex"
    );
    let deep = format!("{}{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    assert_eq!(refusal(&deep), "FilterPolicy: Filter policy is too complex");
}

#[test]
fn attributes_have_no_inside() {
    let refused = FilterPolicy::compile(
        r#"{"object":{"key":["value"]}}"#,
        FilterScope::MessageAttributes,
    );
    assert_eq!(
        refused.unwrap_err().to_string(),
        "Filter policy scope MessageAttributes does not support nested filter policy"
    );
}

#[test]
fn wildcards_do_not_follow_each_other() {
    let why = refusal(r#"{"key":[{"wildcard":"a**b"}]}"#);
    assert_eq!(
        why,
        "FilterPolicy: Consecutive wildcard characters at pos 2"
    );
    let why = refusal(r#"{"key":[{"wildcard":"a\\b"}]}"#);
    assert_eq!(why, "FilterPolicy: Invalid escape character at pos 1");
}
