"""kill -9 and a new start: what was answered is so afterwards.

"Amazon SNS stores ... messages across multiple, isolated servers" (sns-features.html): a server
that forgets is no such thing.
"""

import json
import urllib.request

import pytest

from process.forebay import Forebay
from sns_boto3.conftest import Queue, open_client

pytestmark = pytest.mark.forebay


class Service:
    """A server of the case's own, and clients of it."""

    def __init__(self, server):
        self.server = server
        self.connect()

    def connect(self):
        self.sns = open_client("sns", endpoint=self.server.aws)
        self.sqs = open_client("sqs", endpoint=self.server.aws)

    def restart(self):
        """kill -9 and a new start, at the same address."""
        self.server.kill()
        self.server.start()
        self.connect()

    def queue(self, name):
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return Queue(self.sqs, url, f"arn:aws:sqs:us-east-1:000000000000:{name}")

    def subscribe(self, topic, queue, **attributes):
        arguments = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue.arn}
        self.sns.subscribe(Attributes={"RawMessageDelivery": "true", **attributes}, **arguments)


@pytest.fixture
def service(tmp_path):
    with Forebay(tmp_path / "data", aws="127.0.0.1:0") as server:
        yield Service(server)
        assert server.stop() == 0
        assert server.damage() == ""


def test_topics_subscriptions_and_messages(service):
    topic = service.sns.create_topic(Name="t", Attributes={"DisplayName": "d"})["TopicArn"]
    wanted = json.dumps({"n": [{"numeric": [">", 5]}]})
    service.subscribe(topic, service.queue("all"))
    service.subscribe(topic, service.queue("some"), FilterPolicy=wanted)
    service.sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k", "Value": "v"}])
    number = {"n": {"DataType": "Number", "StringValue": "6"}}
    service.sns.publish(TopicArn=topic, Message="before", MessageAttributes=number)
    service.restart()
    shown = service.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (shown["DisplayName"], shown["SubscriptionsConfirmed"]) == ("d", "2")
    tags = service.sns.list_tags_for_resource(ResourceArn=topic)["Tags"]
    assert tags == [{"Key": "k", "Value": "v"}]
    service.sns.publish(TopicArn=topic, Message="after")
    assert sorted(service.queue("all").bodies(2)) == ["after", "before"]
    assert service.queue("some").bodies(1) == ["before"]


def test_what_a_fifo_queue_took(service):
    """"Message deduplication for FIFO topics": five minutes, whatever happens in between. The plain queue
    knows nothing of that: it is the topic that remembers."""
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    topic = service.sns.create_topic(Name="t.fifo", Attributes=attributes)["TopicArn"]
    for queue in ["q.fifo", "plain"]:
        service.subscribe(topic, service.queue(queue))
    arguments = {"TopicArn": topic, "MessageGroupId": "g"}
    first = service.sns.publish(Message="a", **arguments)
    service.restart()
    again = service.sns.publish(Message="a", **arguments)
    for name in ["MessageId", "SequenceNumber"]:
        assert first[name] == again[name]
    last = service.sns.publish(Message="b", **arguments)
    assert int(last["SequenceNumber"]) > int(first["SequenceNumber"])
    assert service.queue("q.fifo").bodies(2) == ["a", "b"]
    assert sorted(service.queue("plain").bodies(2)) == ["a", "b"]


def test_what_waits_for_an_endpoint(service, endpoint):
    """An endpoint that is away is told when it, and the server, are back."""
    topic = service.sns.create_topic(Name="t")["TopicArn"]
    retries = {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 100}
    service.sns.subscribe(
        TopicArn=topic,
        Protocol="http",
        Endpoint=endpoint.url,
        Attributes={"DeliveryPolicy": json.dumps({"healthyRetryPolicy": retries})},
    )
    urllib.request.urlopen(json.loads(endpoint.next()[2])["SubscribeURL"]).close()
    endpoint.statuses.put(503)
    service.sns.publish(TopicArn=topic, Message="x")
    assert json.loads(endpoint.next()[2])["Message"] == "x"
    service.restart()
    assert json.loads(endpoint.next()[2])["Message"] == "x"
