//! Who asks, and where.

use forebay_aws::GatewayOptions;
use forebay_aws::auth::{Access, AccessKeys};
use serde_json::json;

use super::support::Server;

/// The line of a head that says who signs; nobody looks at the signature where there are no keys.
fn signed_by(access_key: &str, region: &str) -> String {
    format!(
        "x-amz-target: AmazonSQS.ListQueues\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential={access_key}/20260101/{region}/sqs/aws4_request, SignedHeaders=host, Signature=00\r\n"
    )
}

#[tokio::test]
async fn accounts_and_regions_are_apart() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .done("CreateQueue", &json!({"QueueName": "ours"}))
        .await;
    for (access_key, region, expected) in [
        (
            "any",
            "us-east-1",
            "{\"QueueUrls\":[\"http://aws.test/000000000000/ours\"]}",
        ),
        ("any", "eu-west-1", "{}"),
        ("111122223333", "us-east-1", "{}"),
    ] {
        let head = signed_by(access_key, region);
        client.send("POST / HTTP/1.1", &head, b"{}").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, &*answer.body), (200, expected));
    }
    // A URL says whose queue it is.
    let theirs = json!({"QueueUrl": "http://aws.test/111122223333/ours", "MessageBody": "m"});
    let refused = client.ask("SendMessage", &theirs).await;
    assert_eq!(
        refused.json()["__type"],
        "com.amazonaws.sqs#QueueDoesNotExist"
    );
}

#[tokio::test]
async fn where_there_are_keys_nobody_comes_in_without_one() {
    let keys = AccessKeys::parse("AKIDEXAMPLE secret").unwrap();
    let server = Server::start_with(GatewayOptions {
        access: Access::Keys(keys),
        ..GatewayOptions::default()
    });
    let mut client = server.connect();
    let unsigned = client.ask("ListQueues", &json!({})).await;
    assert_eq!(unsigned.status, 403);
    assert!(unsigned.head.contains("missingauthenticationtoken;sender"));
    let presented = [
        ("other", "invalidclienttokenid"),
        ("AKIDEXAMPLE", "incompletesignature"),
    ];
    for (access_key, code) in presented {
        let head = signed_by(access_key, "us-east-1");
        client.send("POST / HTTP/1.1", &head, b"{}").await;
        let answer = client.answer().await;
        assert!(answer.head.contains(code), "{}", answer.head);
    }
    let form = client.form("/", "Action=ListQueues").await;
    assert_eq!(form.status, 403);
    assert!(
        form.body
            .contains("<Code>MissingAuthenticationToken</Code>")
    );
}
