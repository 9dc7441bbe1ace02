"""Requests to endpoints.

https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
"""

import json
import time
import urllib.error
import urllib.request

import pytest



def confirmed(sns, topic, endpoint, **attributes):
    arguments = {"Protocol": "http", "Endpoint": endpoint.url, "Attributes": attributes}
    answer = sns.subscribe(TopicArn=topic, **arguments)
    assert answer["SubscriptionArn"] == "pending confirmation"
    _, _, body = endpoint.next()
    urllib.request.urlopen(json.loads(body)["SubscribeURL"]).close()
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return listed[0]["SubscriptionArn"]


def test_an_endpoint_confirms_and_is_told(sns, topic, endpoint):
    """"Step 1: Make sure your endpoint is ready to process Amazon SNS messages"
    (SendMessageToHttp.prepare.html); headers: http-header.html"""
    arguments = {"TopicArn": topic, "Protocol": "http", "Endpoint": endpoint.url}
    sns.subscribe(**arguments)
    path, headers, body = endpoint.next()
    question = json.loads(body)
    assert path == "/hook?a=b"
    assert headers["x-amz-sns-message-type"] == question["Type"] == "SubscriptionConfirmation"
    assert headers["x-amz-sns-topic-arn"] == question["TopicArn"] == topic
    assert headers["Content-Type"] == "text/plain; charset=UTF-8"
    with urllib.request.urlopen(question["SubscribeURL"]) as answer:
        assert b"ConfirmSubscriptionResult" in answer.read()
    sns.publish(TopicArn=topic, Message="x", Subject="s")
    _, headers, body = endpoint.next()
    message = json.loads(body)
    assert headers["x-amz-sns-message-type"] == message["Type"] == "Notification"
    assert headers["x-amz-sns-message-id"] == message["MessageId"]
    assert headers["x-amz-sns-subscription-arn"].startswith(topic)
    assert (message["Message"], message["Subject"]) == ("x", "s")


def test_a_raw_message_is_the_body(sns, topic, endpoint):
    """`x-amz-sns-rawdelivery` (http-header.html)"""
    confirmed(sns, topic, endpoint, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="as it is")
    _, headers, body = endpoint.next()
    assert (headers["x-amz-sns-rawdelivery"], body) == ("true", "as it is")


def test_nobody_is_told_before_it_confirms(sns, topic, endpoint):
    """"After you subscribe your endpoint, Amazon SNS will send a subscription confirmation
    message" (SendMessageToHttp.prepare.html)"""
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    sns.publish(TopicArn=topic, Message="too early")
    _, _, body = endpoint.next()
    urllib.request.urlopen(json.loads(body)["SubscribeURL"]).close()
    sns.publish(TopicArn=topic, Message="in time")
    assert json.loads(endpoint.next()[2])["Message"] == "in time"


def test_a_message_is_sent_again_and_then_dead(sns, topic, endpoint, create_queue):
    """"Message delivery retries" (sns-message-delivery-retries.html), "Dead-letter queues"."""
    dead = create_queue()
    retries = {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 2, "numNoDelayRetries": 2}
    confirmed(
        sns,
        topic,
        endpoint,
        DeliveryPolicy=json.dumps({"healthyRetryPolicy": retries}),
        RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn}),
    )
    for status in [500, 503, 429]:
        endpoint.statuses.put(status)
    sns.publish(TopicArn=topic, Message="x")
    ids = {endpoint.next()[1]["x-amz-sns-message-id"] for _ in range(3)}
    assert len(ids) == 1
    assert dead.notifications(1)[0]["Message"] == "x"


def test_what_an_endpoint_refuses_is_not_sent_again(sns, topic, endpoint, create_queue):
    """"client-side errors" are permanent (sns-dead-letter-queues.html)"""
    dead = create_queue()
    redrive = json.dumps({"deadLetterTargetArn": dead.arn})
    confirmed(sns, topic, endpoint, RedrivePolicy=redrive, RawMessageDelivery="true")
    endpoint.statuses.put(403)
    sns.publish(TopicArn=topic, Message="x")
    endpoint.next()
    assert dead.bodies(1) == ["x"]
    assert endpoint.told.empty()


def test_a_policy_names_the_content_type(sns, topic, endpoint):
    """`headerContentType` (sns-message-delivery-retries.html)"""
    policy = json.dumps({"requestPolicy": {"headerContentType": "application/json"}})
    confirmed(sns, topic, endpoint, DeliveryPolicy=policy)
    sns.publish(TopicArn=topic, Message="x")
    assert endpoint.next()[1]["Content-Type"] == "application/json"


def test_an_endpoint_is_told_that_its_subscription_was_ended(sns, topic, endpoint):
    """"a final cancellation message is delivered to the endpoint, so that the endpoint owner can easily
    resubscribe" (API_Unsubscribe); "HTTP/HTTPS unsubscribe confirmation JSON format"
    (http-unsubscribe-confirmation-json.html)"""
    arn = confirmed(sns, topic, endpoint)
    sns.publish(TopicArn=topic, Message="x")
    urllib.request.urlopen(json.loads(endpoint.next()[2])["UnsubscribeURL"]).close()
    _, headers, body = endpoint.next()
    question = json.loads(body)
    assert headers["x-amz-sns-message-type"] == question["Type"] == "UnsubscribeConfirmation"
    assert question["Message"].startswith(f"You have chosen to deactivate subscription {arn}.\n")
    assert question["TopicArn"] == topic
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    sns.publish(TopicArn=topic, Message="nobody hears this")
    # It takes that back.
    urllib.request.urlopen(question["SubscribeURL"]).close()
    [listed] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == arn
    sns.publish(TopicArn=topic, Message="again")
    assert json.loads(endpoint.next()[2])["Message"] == "again"


def test_what_was_subscribed_again_comes_back_once(sns, topic, endpoint):
    arn = confirmed(sns, topic, endpoint)
    sns.unsubscribe(SubscriptionArn=arn)
    url = json.loads(endpoint.next()[2])["SubscribeURL"]
    again = confirmed(sns, topic, endpoint)
    assert again != arn
    urllib.request.urlopen(url).close()
    [listed] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == again


def test_what_was_ended_ends_with_its_topic(sns, create_topic, endpoint):
    topic = create_topic()
    arn = confirmed(sns, topic, endpoint)
    sns.unsubscribe(SubscriptionArn=arn)
    url = json.loads(endpoint.next()[2])["SubscribeURL"]
    sns.delete_topic(TopicArn=topic)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url)


def test_no_more_are_sent_in_a_second_than_a_policy_says(sns, topic, endpoint):
    """`maxReceivesPerSecond` (sns-message-delivery-retries.html)"""
    policy = json.dumps({"throttlePolicy": {"maxReceivesPerSecond": 2}})
    confirmed(sns, topic, endpoint, DeliveryPolicy=policy)
    entries = [{"Id": str(n), "Message": str(n)} for n in range(7)]
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    endpoint.next()
    began = time.monotonic()
    for _ in range(6):
        endpoint.next()
    # Half a second before each of the six; a slow machine makes it longer.
    assert time.monotonic() - began > 2.5
