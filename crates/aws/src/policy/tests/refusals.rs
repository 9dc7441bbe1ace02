//! What is no policy, or not wholly understood, is refused when it is set.

use super::*;

#[test]
fn what_is_not_understood_is_refused() {
    for changes in [
        json!({"Effect": "allow"}),
        json!({"Effect": null}),
        json!({"Principal": null}),
        json!({"Principal": "someone"}),
        json!({"Principal": {}}),
        json!({"Principal": {"AWS": []}}),
        json!({"Principal": {"AWS": "1234"}}),
        json!({"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}}),
        json!({"Principal": {"AWS": "arn:aws:s3:::bucket"}}),
        json!({"Principal": {"Robot": "r2"}}),
        json!({"NotPrincipal": {"AWS": OTHER}}),
        json!({"Action": null}),
        json!({"Action": []}),
        json!({"Action": "SendMessage"}),
        json!({"Action": "s3:GetObject"}),
        json!({"NotAction": "sqs:SendMessage"}),
        json!({"Resource": null}),
        json!({"Resource": 7}),
        json!({"Resource": "arn:aws:sqs:us-east-1:111122223333:${aws:username}"}),
        json!({"Condition": "none"}),
        json!({"Condition": {"StringResembles": {"aws:Referer": "x"}}}),
        json!({"Condition": {"ForSomeValues:StringEquals": {"aws:Referer": "x"}}}),
        json!({"Condition": {"NullIfExists": {"aws:Referer": "true"}}}),
        json!({"Condition": {"Bool": {"aws:SecureTransport": "perhaps"}}}),
        json!({"Condition": {"NumericEquals": {"aws:EpochTime": "NaN"}}}),
        json!({"Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}}),
        json!({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}}),
        json!({"Condition": {"StringEquals": {"aws:Referer": {"x": "y"}}}}),
        json!({"Extra": "x"}),
    ] {
        let text = json!({"Version": "2012-10-17", "Statement": statement(changes)}).to_string();
        assert!(Policy::parse(&text, "sqs").is_err(), "{text}");
    }
    for text in [
        "",
        "[]",
        "{}",
        "{\"Statement\":[],\"Version\":\"2026-01-01\"}",
        "{\"Statement\":[7]}",
        "{\"Statement\":[],\"Extra\":1}",
    ] {
        assert!(Policy::parse(text, "sqs").is_err(), "{text}");
    }
}

#[test]
fn in_the_first_version_there_are_no_variables() {
    let resource = "arn:aws:sqs:us-east-1:111122223333:${aws:username}";
    let text =
        json!({"Version": "2008-10-17", "Statement": statement(json!({"Resource": resource}))});
    assert!(Policy::parse(&text.to_string(), "sqs").is_ok());
}
