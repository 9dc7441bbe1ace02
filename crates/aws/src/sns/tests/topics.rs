use super::harness::*;

#[tokio::test]
async fn a_topic_is_made_once_and_found_again() {
    let bench = Bench::start();
    let arn = bench.topic("orders").await;
    assert_eq!(arn, "arn:aws:sns:us-east-1:000000000000:orders");
    assert_eq!(bench.topic("orders").await, arn);
    let listed = bench.ask("Action=ListTopics").await.unwrap();
    assert_eq!(listed.matches("<TopicArn>").count(), 1, "{listed}");
    let other = "Action=CreateTopic&Name=orders&Attributes.entry.1.key=DisplayName&Attributes.entry.1.value=x";
    assert_eq!(
        bench.refusal(other).await,
        (
            "InvalidParameter",
            "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
                .to_owned()
        )
    );
    let tagged = "Action=CreateTopic&Name=orders&Tags.member.1.Key=a&Tags.member.1.Value=b";
    assert_eq!(
        bench.refusal(tagged).await.1,
        "Invalid parameter: Tags Reason: Topic already exists with different tags"
    );
}

#[tokio::test]
async fn names_are_those_of_aws() {
    let bench = Bench::start();
    let long = "x".repeat(257);
    for name in ["", "a.b", "a.fifo", "ä", &long] {
        let form = format!("Action=CreateTopic&Name={}", escaped(name));
        assert_eq!(
            bench.refusal(&form).await.1,
            "Invalid parameter: Topic Name"
        );
    }
    let fifo =
        "Action=CreateTopic&Name=a&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true";
    assert_eq!(bench.refusal(fifo).await.1, "Invalid parameter: Topic Name");
    bench.topic("a.fifo").await;
}

#[tokio::test]
async fn attributes_are_shown_with_the_defaults_of_aws() {
    let bench = Bench::start();
    let topic = bench.topic("orders").await;
    let get = format!("Action=GetTopicAttributes&TopicArn={topic}");
    let shown = bench.ask(&get).await.unwrap();
    assert_eq!(attribute(&shown, "TopicArn").as_deref(), Some(&*topic));
    assert_eq!(attribute(&shown, "Owner").as_deref(), Some("000000000000"));
    assert_eq!(
        attribute(&shown, "SubscriptionsPending").as_deref(),
        Some("0")
    );
    assert!(
        attribute(&shown, "Policy")
            .unwrap()
            .contains("__default_statement_ID")
    );
    assert!(
        attribute(&shown, "EffectiveDeliveryPolicy")
            .unwrap()
            .contains("\"numRetries\":3")
    );
    assert_eq!(attribute(&shown, "FifoTopic"), None);

    let set = |name: &str, value: &str| {
        format!(
            "Action=SetTopicAttributes&TopicArn={topic}&AttributeName={name}&AttributeValue={}",
            escaped(value)
        )
    };
    bench
        .ask(&set("DisplayName", "Orders & more"))
        .await
        .unwrap();
    bench
        .ask(&set(
            "DeliveryPolicy",
            r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":1}}}"#,
        ))
        .await
        .unwrap();
    let bench = bench.restart();
    let shown = bench.ask(&get).await.unwrap();
    assert_eq!(
        attribute(&shown, "DisplayName").as_deref(),
        Some("Orders & more")
    );
    assert!(
        attribute(&shown, "EffectiveDeliveryPolicy")
            .unwrap()
            .contains("\"numRetries\":1")
    );
    assert_eq!(
        bench.refusal(&set("Colour", "red")).await.1,
        "Invalid parameter: AttributeName"
    );
    assert_eq!(
        bench.refusal(&set("FifoTopic", "true")).await.1,
        "Invalid parameter: AttributeName"
    );
}

#[tokio::test]
async fn what_is_no_topic_is_told_so() {
    let bench = Bench::start();
    let get = |arn: &str| format!("Action=GetTopicAttributes&TopicArn={arn}");
    let cases = [
        (
            "arn:aws:sns:us-east-1:000000000000:none",
            "NotFound",
            "Topic does not exist",
        ),
        (
            "topic",
            "InvalidParameter",
            "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
        ),
        (
            "arn:aws:sns:eu-west-1:000000000000:none",
            "InvalidParameter",
            "Invalid parameter: TopicArn",
        ),
        (
            "",
            "InvalidParameter",
            "Invalid parameter: TopicArn Reason: no value for required parameter",
        ),
    ];
    for (arn, code, text) in cases {
        assert_eq!(
            bench.refusal(&get(arn)).await,
            (code, text.to_owned()),
            "{arn}"
        );
    }
}

#[tokio::test]
async fn a_deleted_topic_is_gone_with_its_subscriptions() {
    let bench = Bench::start();
    let topic = bench.topic("orders").await;
    let queue = bench.queue("q").await;
    let subscription = bench.subscribe(&topic, "sqs", &queue, &[]).await;
    bench
        .subscribe(&topic, "http", "http://localhost:1/x", &[])
        .await;
    let delete = format!("Action=DeleteTopic&TopicArn={topic}");
    bench.ask(&delete).await.unwrap();
    bench.ask(&delete).await.unwrap();
    let get = format!("Action=GetSubscriptionAttributes&SubscriptionArn={subscription}");
    assert_eq!(
        bench.refusal(&get).await,
        ("NotFound", "Subscription does not exist".to_owned())
    );
    // Nor does a topic of the same name have them.
    bench.topic("orders").await;
    let listed = bench.ask("Action=ListSubscriptions").await.unwrap();
    assert!(!listed.contains("<member>"), "{listed}");
}

#[tokio::test]
async fn accounts_and_regions_have_topics_of_their_own() {
    let bench = Bench::start();
    bench.topic("orders").await;
    let create = "Action=CreateTopic&Name=orders";
    let answer = bench
        .ask_as("123456789012", "eu-west-1", create)
        .await
        .unwrap();
    assert_eq!(
        element(&answer, "TopicArn"),
        "arn:aws:sns:eu-west-1:123456789012:orders"
    );
    let list = "Action=ListTopics";
    for (account, region, count) in [
        (ACCOUNT, REGION, 1),
        ("123456789012", "eu-west-1", 1),
        ("123456789012", "us-east-1", 0),
    ] {
        let listed = bench.ask_as(account, region, list).await.unwrap();
        assert_eq!(listed.matches("<TopicArn>").count(), count, "{listed}");
    }
}

#[tokio::test]
async fn tags_are_put_over_one_another_and_taken_off() {
    let bench = Bench::start();
    let create = "Action=CreateTopic&Name=t&Tags.member.1.Key=k1&Tags.member.1.Value=v1&Tags.member.2.Key=k2&Tags.member.2.Value=v2";
    let topic = element(&bench.ask(create).await.unwrap(), "TopicArn");
    let list = format!("Action=ListTagsForResource&ResourceArn={topic}");
    let tag = format!("Action=TagResource&ResourceArn={topic}");
    bench
        .ask(&format!(
            "{tag}&Tags.member.1.Key=k2&Tags.member.1.Value=v2b"
        ))
        .await
        .unwrap();
    bench
        .ask(&format!(
            "Action=UntagResource&ResourceArn={topic}&TagKeys.member.1=k1"
        ))
        .await
        .unwrap();
    let listed = bench.ask(&list).await.unwrap();
    assert!(
        listed.contains("<Tags><member><Key>k2</Key><Value>v2b</Value></member></Tags>"),
        "{listed}"
    );
    let twice = format!(
        "{tag}&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=a&Tags.member.2.Value=2"
    );
    assert_eq!(
        bench.refusal(&twice).await.1,
        "Invalid parameter: Duplicated keys are not allowed."
    );
    let none = list.replace(":t", ":none");
    assert_eq!(bench.refusal(&none).await.0, "ResourceNotFound");
}

#[tokio::test]
async fn permissions_are_statements_of_the_policy() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let add = format!(
        "Action=AddPermission&TopicArn={topic}&Label=l&AWSAccountId.member.1=111122223333&ActionName.member.1="
    );
    bench.ask(&format!("{add}Publish")).await.unwrap();
    assert_eq!(
        bench.refusal(&format!("{add}Publish")).await.1,
        "Invalid parameter: Statement already exists"
    );
    let other = add.replace("Label=l", "Label=m");
    assert_eq!(
        bench.refusal(&format!("{other}CreateTopic")).await.1,
        "Invalid parameter: Policy statement action out of service scope!"
    );
    let get = format!("Action=GetTopicAttributes&TopicArn={topic}");
    let policy = attribute(&bench.ask(&get).await.unwrap(), "Policy").unwrap();
    assert!(
        policy.contains("arn:aws:iam::111122223333:root"),
        "{policy}"
    );
    bench
        .ask(&format!("Action=RemovePermission&TopicArn={topic}&Label=l"))
        .await
        .unwrap();
    let policy = attribute(&bench.ask(&get).await.unwrap(), "Policy").unwrap();
    assert!(!policy.contains("111122223333"), "{policy}");
}

#[tokio::test]
async fn telephones_are_refused_by_name() {
    let bench = Bench::start();
    let refused = bench.refusal("Action=ListSMSSandboxPhoneNumbers").await;
    assert_eq!(refused.0, "UnsupportedOperation");
    assert_eq!(bench.refusal("Action=Dance").await.0, "InvalidAction");
}

#[tokio::test]
async fn a_data_protection_policy_is_kept() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let put = |policy: &str| {
        format!(
            "Action=PutDataProtectionPolicy&ResourceArn={topic}&DataProtectionPolicy={}",
            escaped(policy)
        )
    };
    bench.ask(&put(r#"{"Name":"p"}"#)).await.unwrap();
    let get = format!("Action=GetDataProtectionPolicy&ResourceArn={topic}");
    let policy = element(&bench.ask(&get).await.unwrap(), "DataProtectionPolicy");
    assert_eq!(policy, r#"{"Name":"p"}"#);
    assert_eq!(
        bench.refusal(&put("x")).await.1,
        "Invalid parameter: DataProtectionPolicy"
    );
}
