"""Who signs what SNS sends.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import json
import urllib.error
import urllib.request

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from process.forebay import Forebay
from sns_boto3.conftest import open_client

NOTIFICATION = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
QUESTION = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]


def certificate(message):
    with urllib.request.urlopen(message["SigningCertURL"]) as answer:
        return x509.load_pem_x509_certificate(answer.read())


def verify(message):
    """As the page says: names and values, a line each, of those members that are there."""
    names = NOTIFICATION if message["Type"] == "Notification" else QUESTION
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    assert message["SignatureVersion"] == "2"
    signature = base64.b64decode(message["Signature"])
    key = certificate(message).public_key()
    key.verify(signature, text.encode(), PKCS1v15(), SHA256())


def test_what_a_queue_is_told_is_signed(sns, topic, queue, subscribe):
    subscribe(topic, queue)
    sns.publish(TopicArn=topic, Message='größe "quoted"\nand broken', Subject="about")
    sns.publish(TopicArn=topic, Message="without a subject")
    messages = queue.notifications(2)
    for message in messages:
        verify(message)
    messages[0]["Message"] += "!"
    with pytest.raises(InvalidSignature):
        verify(messages[0])


def test_what_protocols_are_told_of_their_own_is_signed(sns, topic, queue, endpoint, subscribe):
    subscribe(topic, queue)
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    urllib.request.urlopen(json.loads(endpoint.next()[2])["SubscribeURL"]).close()
    words = json.dumps({"default": "d", "sqs": "for queues", "http": "for endpoints"})
    sns.publish(TopicArn=topic, Message=words, MessageStructure="json")
    of_queue, of_endpoint = queue.notifications(1)[0], json.loads(endpoint.next()[2])
    assert (of_queue["Message"], of_endpoint["Message"]) == ("for queues", "for endpoints")
    verify(of_queue)
    verify(of_endpoint)


def test_questions_are_signed(sns, topic, endpoint):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    question = json.loads(endpoint.next()[2])
    verify(question)
    urllib.request.urlopen(question["SubscribeURL"]).close()
    sns.publish(TopicArn=topic, Message="x")
    notification = json.loads(endpoint.next()[2])
    verify(notification)
    urllib.request.urlopen(notification["UnsubscribeURL"]).close()
    ended = json.loads(endpoint.next()[2])
    assert ended["Type"] == "UnsubscribeConfirmation"
    verify(ended)


def test_the_certificate_names_sns(sns, topic, queue, subscribe):
    """"Verify the certificate was received from Amazon SNS": as far as a name goes."""
    subscribe(topic, queue)
    sns.publish(TopicArn=topic, Message="x")
    [message] = queue.notifications(1)
    assert certificate(message).subject.rfc4514_string() == "CN=sns.amazonaws.com"
    other = message["SigningCertURL"].replace(".pem", "0.pem")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(other)


@pytest.mark.forebay
def test_the_key_is_kept(tmp_path, endpoint):
    data = tmp_path / "data"
    with Forebay(data, aws="127.0.0.1:0") as server:
        sns = open_client("sns", endpoint=server.aws)
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
        question = json.loads(endpoint.next()[2])
        verify(question)
        key = data / "sns-signing.pem"
        assert key.stat().st_mode & 0o777 == 0o600
        server.kill()
        server.start()
        # Where the server is now.
        old = question["SigningCertURL"].split("/")[2]
        question["SigningCertURL"] = question["SigningCertURL"].replace(old, server.aws)
        verify(question)
        assert server.stop() == 0


@pytest.mark.forebay
def test_queues_are_told_without_where_that_is_wanted(tmp_path):
    with Forebay(tmp_path / "data", "--sns-sign-queues=false", aws="127.0.0.1:0") as server:
        sns, sqs = (open_client(name, endpoint=server.aws) for name in ["sns", "sqs"])
        topic = sns.create_topic(Name="t")["TopicArn"]
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        arn = "arn:aws:sqs:us-east-1:000000000000:q"
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        sns.publish(TopicArn=topic, Message="x")
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
        assert "Signature" not in json.loads(answer["Messages"][0]["Body"])
        assert server.stop() == 0
