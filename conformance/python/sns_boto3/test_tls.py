"""Endpoints behind TLS.

https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
"""

import json
import ssl
import urllib.request

import pytest
import trustme

from process.forebay import Forebay
from sns_boto3.conftest import Endpoint, Queue, open_client

pytestmark = pytest.mark.forebay


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def service(tmp_path, authority):
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    with Forebay(tmp_path / "data", f"--sns-ca-file={file}", aws="127.0.0.1:0") as server:
        yield server
        assert server.stop() == 0


@pytest.fixture
def behind():
    """behind(authority, "localhost"): an endpoint with such a certificate."""
    endpoints = []

    def start(authority, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Nobody comes back without a look at the certificate.
        context.num_tickets = 0
        authority.issue_cert(name).configure_cert(context)
        endpoints.append(Endpoint(context))
        return endpoints[-1], context

    yield start
    for endpoint in endpoints:
        endpoint.close()


def test_an_endpoint_confirms_and_is_told(service, behind, authority):
    sns = open_client("sns", endpoint=service.aws)
    topic = sns.create_topic(Name="t")["TopicArn"]
    endpoint, _ = behind(authority, "localhost")
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=endpoint.url)
    path, headers, body = endpoint.next()
    assert path == "/hook?a=b"
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    urllib.request.urlopen(json.loads(body)["SubscribeURL"]).close()
    sns.publish(TopicArn=topic, Message="x")
    assert json.loads(endpoint.next()[2])["Message"] == "x"


@pytest.mark.parametrize("why", ["authority", "name"])
def test_nobody_else_is_told(service, behind, authority, why):
    """One whose certificate is of somebody else, or for somebody else, is an endpoint that fails."""
    sns, sqs = (open_client(name, endpoint=service.aws) for name in ["sns", "sqs"])
    topic = sns.create_topic(Name="t")["TopicArn"]
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead = Queue(sqs, url, "arn:aws:sqs:us-east-1:000000000000:dead")
    retries = {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 1}
    endpoint, context = behind(authority, "localhost")
    subscription = sns.subscribe(
        TopicArn=topic,
        Protocol="https",
        Endpoint=endpoint.url,
        Attributes={
            "DeliveryPolicy": json.dumps({"healthyRetryPolicy": retries}),
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn}),
        },
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    assert subscription.startswith(topic)
    urllib.request.urlopen(json.loads(endpoint.next()[2])["SubscribeURL"]).close()
    # The context is asked for its certificate by every handshake that is to come.
    other = {"authority": trustme.CA(), "name": authority}[why]
    name = {"authority": "localhost", "name": "elsewhere.example"}[why]
    other.issue_cert(name).configure_cert(context)
    sns.publish(TopicArn=topic, Message="x")
    assert dead.notifications(1)[0]["Message"] == "x"
    assert endpoint.told.empty()
