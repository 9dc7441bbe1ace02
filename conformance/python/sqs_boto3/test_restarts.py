"""kill -9 and a new start: what was answered is so afterwards.

guide: welcome: "Amazon SQS stores copies of all messages"; a server that forgets is no queue.
"""

import json

import pytest
from eventually import eventually
from process.forebay import Forebay

from .conftest import open_client
from .messages import (
    NO_QUEUE, arn, attributes, bodies, change, counts, delete, pause, receive, refused, send,
    set_attributes, take, take_one,
)

pytestmark = pytest.mark.forebay


class Service:
    """A server of the case's own, and a client of it."""

    def __init__(self, server):
        self.server = server
        self.sqs = open_client(f"http://{server.aws}")

    def create(self, name="queue", **settings):
        texts = {key: str(value) for key, value in settings.items()}
        return self.sqs.create_queue(QueueName=name, Attributes=texts)["QueueUrl"]

    def create_fifo(self, name="queue.fifo", **settings):
        return self.create(name, FifoQueue="true", **settings)

    def restart(self):
        """kill -9 and a new start, at the same address."""
        self.server.kill()
        self.server.start()
        # The connections of before are closed ones.
        self.sqs = open_client(f"http://{self.server.aws}")


@pytest.fixture
def service(tmp_path):
    with Forebay(tmp_path / "data", aws="127.0.0.1:0") as server:
        yield Service(server)
        assert server.stop() == 0
        assert server.damage() == ""


def test_messages(service):
    """API_SendMessage: what was answered is stored, with all that belongs to it."""
    queue = service.create()
    own = {"a": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3f"}}
    [sent] = send(
        service.sqs, queue, "größe", MessageAttributes=own, MessageSystemAttributes=header
    )
    before = take_one(service.sqs, queue, VisibilityTimeout=0, MessageAttributeNames=["All"])
    service.restart()
    after = take_one(service.sqs, queue, MessageAttributeNames=["All"])
    assert after["MessageId"] == sent["MessageId"]
    for name in ["Body", "MD5OfBody", "MessageAttributes", "MD5OfMessageAttributes"]:
        assert after[name] == before[name]
    for name in ["SentTimestamp", "AWSTraceHeader"]:
        assert after["Attributes"][name] == before["Attributes"][name]
    first = [int(one["Attributes"]["ApproximateFirstReceiveTimestamp"]) for one in (before, after)]
    assert abs(first[1] - first[0]) < 1000
    assert after["Attributes"]["ApproximateReceiveCount"] == "2"


def test_queues_and_what_they_are(service):
    """API_CreateQueue, API_SetQueueAttributes, API_TagQueue, API_DeleteQueue."""
    dead = service.create("dead")
    redrive = json.dumps({"deadLetterTargetArn": arn(service.sqs, dead), "maxReceiveCount": 3})
    queue = service.create(VisibilityTimeout=7, RedrivePolicy=redrive)
    fifo = service.create_fifo(ContentBasedDeduplication="true")
    gone = service.create("gone")
    service.sqs.delete_queue(QueueUrl=gone)
    service.sqs.tag_queue(QueueUrl=queue, Tags={"team": "blue"})
    service.sqs.add_permission(
        QueueUrl=queue, Label="one", AWSAccountIds=["111111111111"], Actions=["SendMessage"]
    )
    before = [attributes(service.sqs, url) for url in [dead, queue, fifo]]
    service.restart()
    assert [attributes(service.sqs, url) for url in [dead, queue, fifo]] == before
    assert service.sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"team": "blue"}
    assert sorted(service.sqs.list_queues()["QueueUrls"]) == sorted([dead, queue, fifo])
    sources = service.sqs.list_dead_letter_source_queues(QueueUrl=dead)
    assert sources["queueUrls"] == [queue]
    with refused(NO_QUEUE):
        send(service.sqs, gone, "a")


def test_what_is_in_flight(service):
    """guide: sqs-visibility-timeout: it stays hidden for its time, and its handle is good."""
    queue = service.create()
    send(service.sqs, queue, "kept", "back", "deleted")
    messages = {m["Body"]: m for m in take(service.sqs, queue, 3, VisibilityTimeout=600)}
    change(service.sqs, queue, messages["back"], 3)
    delete(service.sqs, queue, messages["deleted"])
    service.restart()
    assert receive(service.sqs, queue) == []
    assert bodies(take(service.sqs, queue, 1)) == ["back"]
    assert counts(service.sqs, queue) == [0, 2, 0]
    change(service.sqs, queue, messages["kept"], 0)
    [kept] = take(service.sqs, queue, 1)
    assert kept["Attributes"]["ApproximateReceiveCount"] == "2"
    delete(service.sqs, queue, kept)
    service.restart()
    assert receive(service.sqs, queue, WaitTimeSeconds=1) == []


def test_a_time_out_that_ends_while_nobody_serves(service):
    """guide: sqs-visibility-timeout."""
    queue = service.create(VisibilityTimeout=1)
    send(service.sqs, queue, "a")
    take_one(service.sqs, queue)
    service.server.kill()
    pause(1.5)
    service.restart()
    assert take_one(service.sqs, queue)["Attributes"]["ApproximateReceiveCount"] == "2"


def test_delays(service):
    """guide: sqs-message-timers: the rest of the time, not all of it and not none."""
    queue = service.create()
    send(service.sqs, queue, "soon", DelaySeconds=3)
    send(service.sqs, queue, "late", DelaySeconds=900)
    service.restart()
    assert receive(service.sqs, queue) == []
    assert counts(service.sqs, queue) == [0, 0, 2]
    assert bodies(take(service.sqs, queue, 1)) == ["soon"]
    assert counts(service.sqs, queue) == [0, 1, 1]


def test_receive_counts_and_the_dead(service):
    """guide: sqs-dead-letter-queues: counts go on where they were."""
    dead = service.create("dead")
    redrive = json.dumps({"deadLetterTargetArn": arn(service.sqs, dead), "maxReceiveCount": 3})
    queue = service.create(VisibilityTimeout=1, RedrivePolicy=redrive)
    send(service.sqs, queue, "a")
    for _ in range(2):
        take_one(service.sqs, queue)
    service.restart()
    assert take_one(service.sqs, queue)["Attributes"]["ApproximateReceiveCount"] == "3"
    assert receive(service.sqs, queue, WaitTimeSeconds=2) == []
    service.restart()
    assert receive(service.sqs, queue, WaitTimeSeconds=1) == []
    message = take_one(service.sqs, dead)
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn(service.sqs, queue)
    assert counts(service.sqs, dead) == [0, 1, 0]


def test_deduplication(service):
    """API_SendMessage, MessageDeduplicationId: five minutes, whatever happens to a server."""
    queue = service.create_fifo()
    one = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    [first] = send(service.sqs, queue, "a", **one)
    delete(service.sqs, queue, take_one(service.sqs, queue))
    service.restart()
    [second] = send(service.sqs, queue, "a", **one)
    assert second["MessageId"] == first["MessageId"]
    assert second["SequenceNumber"] == first["SequenceNumber"]
    [third] = send(service.sqs, queue, "b", MessageGroupId="g", MessageDeduplicationId="e")
    assert int(third["SequenceNumber"]) > int(first["SequenceNumber"])
    assert bodies(take(service.sqs, queue, 1)) == ["b"]


def test_groups(service):
    """guide: FIFO-queues-understanding-logic: a blocked group is blocked, and in order."""
    queue = service.create_fifo(ContentBasedDeduplication="true")
    send(service.sqs, queue, "g1", "g2", "g3", MessageGroupId="g")
    send(service.sqs, queue, "h1", "h2", MessageGroupId="h")
    first = take_one(service.sqs, queue)
    assert first["Body"] == "g1"
    service.restart()
    assert bodies(take(service.sqs, queue, 2)) == ["h1", "h2"]
    assert receive(service.sqs, queue, WaitTimeSeconds=1) == []
    delete(service.sqs, queue, first)
    service.restart()
    assert bodies(take(service.sqs, queue, 2)) == ["g2", "g3"]


def test_purged_messages_stay_away(service):
    """API_PurgeQueue."""
    queue = service.create()
    send(service.sqs, queue, "ready", "in flight")
    send(service.sqs, queue, "delayed", DelaySeconds=1)
    take_one(service.sqs, queue, VisibilityTimeout=1)
    service.sqs.purge_queue(QueueUrl=queue)
    eventually(lambda: counts(service.sqs, queue) == [0, 0, 0], what="an empty queue")
    send(service.sqs, queue, "after")
    service.restart()
    assert bodies(take(service.sqs, queue, 1)) == ["after"]
    assert receive(service.sqs, queue, WaitTimeSeconds=2) == []


def test_regions_and_accounts(service):
    """guide: sqs-making-api-requests-xml: each with queues of its own."""
    here = service.create()
    names = {"region": "eu-west-1", "key": "111111111111"}
    there = open_client(f"http://{service.server.aws}", **names)
    url = there.create_queue(QueueName="queue")["QueueUrl"]
    send(there, url, "there")
    service.restart()
    there = open_client(f"http://{service.server.aws}", **names)
    assert bodies(take(there, url, 1)) == ["there"]
    assert receive(service.sqs, here, WaitTimeSeconds=1) == []


def test_settings_that_changed_last(service):
    """API_SetQueueAttributes."""
    queue = service.create()
    for seconds in [5, 6, 7]:
        set_attributes(service.sqs, queue, VisibilityTimeout=seconds)
    service.restart()
    assert attributes(service.sqs, queue, "VisibilityTimeout") == ["7"]


def test_messages_that_are_being_moved(service):
    """API_StartMessageMoveTask, API_ListMessageMoveTasks: a task that is cut off in the middle goes
    on, and each message is in one of the queues."""
    dead = service.create("dead")
    redrive = json.dumps({"deadLetterTargetArn": arn(service.sqs, dead), "maxReceiveCount": 1})
    queue = service.create(VisibilityTimeout=0, RedrivePolicy=redrive)
    texts = [f"{n:02}" for n in range(20)]
    send(service.sqs, queue, *texts)
    eventually(
        lambda: receive(service.sqs, queue) == [] and counts(service.sqs, dead)[0] == 20,
        what="all of them dead",
    )
    set_attributes(service.sqs, queue, VisibilityTimeout=600)
    source = arn(service.sqs, dead)

    def tasks():
        listed = service.sqs.list_message_move_tasks(SourceArn=source, MaxResults=10)
        return listed.get("Results", [])

    started = service.sqs.start_message_move_task(
        SourceArn=source, MaxNumberOfMessagesPerSecond=5
    )
    eventually(lambda: counts(service.sqs, queue)[0] >= 3, what="some are moved")
    service.restart()
    [task] = tasks()
    assert (task["Status"], task["TaskHandle"]) == ("RUNNING", started["TaskHandle"])
    # What dies after it began is none of its messages.
    send(service.sqs, dead, "later")
    eventually(lambda: tasks()[0]["Status"] == "COMPLETED", what="the end of the task")
    assert tasks()[0]["ApproximateNumberOfMessagesToMove"] == 20
    assert counts(service.sqs, dead)[0] == 1
    found = []
    while messages := receive(service.sqs, queue, WaitTimeSeconds=1):
        found += bodies(messages)
        delete(service.sqs, queue, *messages)
    assert sorted(found) == texts


def test_tasks_that_ended(service):
    """API_ListMessageMoveTasks: "Gets the most recent message movement tasks (up to 10)"."""
    dead = service.create("dead")
    redrive = json.dumps({"deadLetterTargetArn": arn(service.sqs, dead), "maxReceiveCount": 1})
    service.create(RedrivePolicy=redrive)
    source = arn(service.sqs, dead)

    def tasks():
        listed = service.sqs.list_message_move_tasks(SourceArn=source, MaxResults=10)
        return listed.get("Results", [])

    def have_ended():
        return all(task["Status"] in ("COMPLETED", "CANCELLED") for task in tasks())

    for _ in range(2):
        service.sqs.start_message_move_task(SourceArn=source)
        eventually(have_ended, what="the end of the task")
    send(service.sqs, dead, "a", "b", "c")
    handle = service.sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=1)
    service.sqs.cancel_message_move_task(TaskHandle=handle["TaskHandle"])
    eventually(have_ended, what="the end of the task")
    before = tasks()
    service.restart()
    assert tasks() == before
    assert [task["Status"] for task in before] == ["CANCELLED", "COMPLETED", "COMPLETED"]
    # Those of a queue end with it.
    service.sqs.delete_queue(QueueUrl=dead)
    service.create("dead")
    assert tasks() == []
