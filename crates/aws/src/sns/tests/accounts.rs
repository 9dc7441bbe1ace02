//! Where access keys are configured, a key reaches its own account only.

use super::harness::*;

const OTHER: &str = "123456789012";

#[tokio::test]
async fn a_key_reaches_what_is_of_its_account() {
    let bench = Bench::start_verified();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    let subscription = bench.subscribe(&topic, "sqs", &queue, &[]).await;
    let redrive = format!(r#"{{"deadLetterTargetArn": "{queue}"}}"#);
    let theirs = bench
        .ask_as(OTHER, REGION, "Action=CreateTopic&Name=t")
        .await
        .unwrap();
    let theirs = element(&theirs, "TopicArn");
    let to_ours = [("RedrivePolicy", &*redrive)];
    for form in [
        format!("Action=GetTopicAttributes&TopicArn={topic}"),
        format!(
            "Action=SetTopicAttributes&TopicArn={topic}&AttributeName=DisplayName&AttributeValue=x"
        ),
        format!("Action=Publish&TopicArn={topic}&Message=x"),
        format!("Action=DeleteTopic&TopicArn={topic}"),
        format!("Action=ListSubscriptionsByTopic&TopicArn={topic}"),
        format!("Action=ListTagsForResource&ResourceArn={topic}"),
        format!("Action=GetSubscriptionAttributes&SubscriptionArn={subscription}"),
        format!(
            "Action=SetSubscriptionAttributes&SubscriptionArn={subscription}&AttributeName=RawMessageDelivery&AttributeValue=true"
        ),
        format!("Action=Unsubscribe&SubscriptionArn={subscription}"),
        // Nor does it put anything into queues of others.
        subscribe_form(&theirs, "sqs", &queue, &[]),
        subscribe_form(&theirs, "sms", "+15551234567", &to_ours),
    ] {
        let refused = bench.ask_as(OTHER, REGION, &form).await.expect_err(&form);
        assert_eq!(refused.code, "AuthorizationError", "{form}");
    }
    bench
        .ask(&format!("Action=Publish&TopicArn={topic}&Message=x"))
        .await
        .unwrap();
}

fn set_policy(topic: &str, statements: &str) -> String {
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    format!(
        "Action=SetTopicAttributes&TopicArn={topic}&AttributeName=Policy&AttributeValue={policy}"
    )
}

#[tokio::test]
async fn a_topic_s_policy_says_what_others_may() {
    let bench = Bench::start_verified();
    let topic = bench.topic("t").await;
    let publish = format!("Action=Publish&TopicArn={topic}&Message=x");
    let batch = format!(
        "Action=PublishBatch&TopicArn={topic}&PublishBatchRequestEntries.member.1.Id=1\
         &PublishBatchRequestEntries.member.1.Message=x"
    );
    let statement = |effect: &str, account: &str, action: &str| {
        format!(
            r#"{{"Effect":"{effect}","Principal":{{"AWS":"{account}"}},"Action":"SNS:{action}","Resource":"{topic}"}}"#
        )
    };
    let allow = statement("Allow", OTHER, "Publish");
    bench.ask(&set_policy(&topic, &allow)).await.unwrap();
    for form in [&publish, &batch] {
        bench.ask_as(OTHER, REGION, form).await.unwrap();
    }
    // Tags are the owner's, whatever is allowed.
    let everything = statement("Allow", OTHER, "*");
    bench.ask(&set_policy(&topic, &everything)).await.unwrap();
    let tags = format!("Action=ListTagsForResource&ResourceArn={topic}");
    let delete = format!("Action=DeleteTopic&TopicArn={topic}-not");
    for form in [tags, delete] {
        let refused = bench.ask_as(OTHER, REGION, &form).await.expect_err(&form);
        assert_eq!(refused.code, "AuthorizationError", "{form}");
    }
    let deny = statement("Deny", ACCOUNT, "Publish");
    let both = format!("{allow},{deny}");
    bench.ask(&set_policy(&topic, &both)).await.unwrap();
    bench.ask_as(OTHER, REGION, &publish).await.unwrap();
    let (code, text) = bench.refusal(&publish).await;
    assert_eq!(code, "AuthorizationError");
    assert_eq!(
        text,
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/{ACCOUNT} is not authorized to perform: SNS:Publish on resource: \
             {topic} with an explicit deny in a resource-based policy"
        )
    );
}

#[tokio::test]
async fn a_link_ends_what_nobody_owns() {
    let bench = Bench::start_verified();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    let owned = bench.subscribe(&topic, "sqs", &queue, &[]).await;
    let letters = bench.subscribe(&topic, "email", "a@example.com", &[]).await;
    let end = |arn: &str| format!("Action=Unsubscribe&SubscriptionArn={arn}");
    let refused = bench.ask_as_nobody(&end(&owned)).await.unwrap_err();
    assert_eq!(refused.code, "AuthorizationError");
    bench.ask_as_nobody(&end(&letters)).await.unwrap();
}
