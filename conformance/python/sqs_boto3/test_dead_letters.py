"""Dead-letter queues: when a message goes there, and as what."""

import json

import pytest

from .messages import (
    NO_QUEUE, REFUSED_VALUE, arn, attributes, bodies, change, counts, delete, pause, receive,
    refused, send, set_attributes, take, take_one,
)


def policy(target, most):
    return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": most})


@pytest.fixture
def dead(create_queue):
    return create_queue()


@pytest.fixture
def mortal(sqs, create_queue, dead):
    """mortal(2, VisibilityTimeout=1) is a queue whose messages are received twice at most."""

    def create(most, target=None, **attributes):
        attributes.setdefault("VisibilityTimeout", 1)
        return create_queue(RedrivePolicy=policy(arn(sqs, target or dead), most), **attributes)

    return create


def exhaust(sqs, queue, times):
    """Receives its one message that often, and leaves it."""
    taken = [take_one(sqs, queue) for _ in range(times)]
    assert receive(sqs, queue, WaitTimeSeconds=2) == []
    return taken[0]


@pytest.mark.parametrize("most", [1, 3])
def test_messages_die_after_so_many_receives(sqs, mortal, dead, most):
    """guide: sqs-dead-letter-queues: "When the ReceiveCount for a message exceeds the
    maxReceiveCount for a queue, Amazon SQS moves the message"."""
    queue = mortal(most)
    send(sqs, queue, "a")
    alive = exhaust(sqs, queue, most)
    message = take_one(sqs, dead)
    assert (message["Body"], message["MessageId"]) == ("a", alive["MessageId"])
    assert counts(sqs, queue) == [0, 0, 0]


def test_messages_do_not_die_while_they_are_in_flight(sqs, mortal, dead):
    """guide: sqs-dead-letter-queues: what is deleted in time was received often enough."""
    queue = mortal(1, VisibilityTimeout=30)
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    assert receive(sqs, dead, WaitTimeSeconds=1) == []
    delete(sqs, queue, message)
    assert receive(sqs, dead, WaitTimeSeconds=1) == []


def test_a_time_out_counts_as_much_as_giving_back(sqs, mortal, dead):
    """API_ReceiveMessage, VisibilityTimeout: "counts as a failed receive"."""
    queue = mortal(2, VisibilityTimeout=1)
    send(sqs, queue, "a")
    take_one(sqs, queue)
    change(sqs, queue, take_one(sqs, queue), 0)
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    assert take_one(sqs, dead)["Body"] == "a"


def test_who_is_given_the_last_chance_has_it(sqs, mortal, dead):
    """guide: sqs-dead-letter-queues: moved when the count is exceeded, that is, not before the last
    receive is answered, however short it is hidden."""
    queue = mortal(1, VisibilityTimeout=0)
    for n in range(20):
        send(sqs, queue, str(n))
        assert bodies(receive(sqs, queue, WaitTimeSeconds=2)) == [str(n)]


def test_what_the_dead_keep(sqs, mortal, dead):
    """guide: sqs-dead-letter-queues; API_ReceiveMessage: DeadLetterQueueSourceArn, and
    ApproximateReceiveCount "across all queues"; attributes and the time of sending stay."""
    queue = mortal(2)
    own = {"a": {"DataType": "Number", "StringValue": "7"}}
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3f"}}
    send(sqs, queue, "a", MessageAttributes=own, MessageSystemAttributes=trace, MessageGroupId="t")
    alive = exhaust(sqs, queue, 2)
    message = take_one(sqs, dead, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == own
    before, found = alive["Attributes"], message["Attributes"]
    assert found["DeadLetterQueueSourceArn"] == arn(sqs, queue)
    assert found["SentTimestamp"] == before["SentTimestamp"]
    assert found["AWSTraceHeader"] == before["AWSTraceHeader"]
    assert found["MessageGroupId"] == "t"
    assert int(found["ApproximateReceiveCount"]) == 3


def test_a_policy_that_comes_later(sqs, dead, create_queue):
    """API_SetQueueAttributes, RedrivePolicy: receives from before count."""
    queue = create_queue(VisibilityTimeout=0)
    send(sqs, queue, "a")
    for _ in range(3):
        take_one(sqs, queue)
    set_attributes(sqs, queue, RedrivePolicy=policy(arn(sqs, dead), 3))
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    assert take_one(sqs, dead)["Body"] == "a"


def test_a_policy_that_is_removed(sqs, mortal, dead):
    """API_SetQueueAttributes: the empty text removes it."""
    queue = mortal(1)
    set_attributes(sqs, queue, RedrivePolicy="")
    assert "RedrivePolicy" not in attributes(sqs, queue)
    send(sqs, queue, "a")
    for _ in range(3):
        take_one(sqs, queue)
    assert receive(sqs, dead, WaitTimeSeconds=1) == []


def test_chains_of_dead_letter_queues(sqs, create_queue, mortal, dead):
    """guide: sqs-dead-letter-queues: one may have one itself."""
    middle = mortal(1)
    first = mortal(1, target=middle)
    send(sqs, first, "a")
    exhaust(sqs, first, 1)
    exhaust(sqs, middle, 1)
    message = take_one(sqs, dead)
    assert message["Body"] == "a"
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn(sqs, middle)


def test_groups_go_on_without_their_dead(sqs, create_queue):
    """guide: sqs-dead-letter-queues: of a FIFO queue the dead-letter queue is FIFO, too; the
    message keeps its group and id, and the next of its group comes up."""
    dead = create_queue(fifo=True)
    queue = create_queue(
        name=dead.rsplit("/", 1)[1].removesuffix(".fifo") + "-s.fifo", FifoQueue="true",
        ContentBasedDeduplication="true", VisibilityTimeout=1,
        RedrivePolicy=policy(arn(sqs, dead), 2),
    )
    send(sqs, queue, "a", "b", MessageGroupId="g")
    for _ in range(2):
        assert bodies(receive(sqs, queue, MaxNumberOfMessages=1, WaitTimeSeconds=5)) == ["a"]
    assert bodies(receive(sqs, queue, MaxNumberOfMessages=1, WaitTimeSeconds=5)) == ["b"]
    message = take_one(sqs, dead)
    assert message["Body"] == "a"
    assert message["Attributes"]["MessageGroupId"] == "g"
    assert message["Attributes"]["MessageDeduplicationId"]
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn(sqs, queue)


def test_dead_letter_queues_are_of_the_same_kind(sqs, queue, fifo):
    """guide: sqs-dead-letter-queues: "The dead-letter queue of a FIFO queue must also be a FIFO
    queue"."""
    for source, target in [(queue, fifo), (fifo, queue)]:
        with refused(*REFUSED_VALUE, status=400):
            set_attributes(sqs, source, RedrivePolicy=policy(arn(sqs, target), 2))


@pytest.mark.parametrize(
    "text",
    [
        "not json", "[]", "{}", '{"maxReceiveCount": 3}',
        '{"deadLetterTargetArn": "TARGET"}',
        '{"deadLetterTargetArn": "TARGET", "maxReceiveCount": 0}',
        '{"deadLetterTargetArn": "TARGET", "maxReceiveCount": 1001}',
        '{"deadLetterTargetArn": "TARGET", "maxReceiveCount": "many"}',
        '{"deadLetterTargetArn": "TARGET-not", "maxReceiveCount": 3}',
        '{"deadLetterTargetArn": "dummy", "maxReceiveCount": 3}',
    ],
    ids=["text", "list", "empty", "no_target", "no_count", "zero", "above_1000", "not_a_number",
         "unknown_queue", "no_arn"],
)
def test_policies_that_are_refused(sqs, queue, dead, text):
    """API_SetQueueAttributes, RedrivePolicy; maxReceiveCount is 1 to 1,000."""
    text = text.replace("TARGET", arn(sqs, dead))
    with refused(NO_QUEUE, *REFUSED_VALUE, status=400):
        set_attributes(sqs, queue, RedrivePolicy=text)
    assert "RedrivePolicy" not in attributes(sqs, queue)


def test_counts_may_be_texts(sqs, mortal, dead):
    """API_SetQueueAttributes, RedrivePolicy: tools write the number either way."""
    for most in ["5", 1000]:
        queue = mortal(most)
        found = json.loads(attributes(sqs, queue, "RedrivePolicy")[0])
        assert found["deadLetterTargetArn"] == arn(sqs, dead)
        assert int(found["maxReceiveCount"]) == int(most)


def test_sources_are_listed(sqs, mortal, dead):
    """API_ListDeadLetterSourceQueues, in pages."""
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == []
    urls = [mortal(2, VisibilityTimeout=1) for _ in range(5)]
    assert sorted(sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]) == sorted(urls)
    found, token = [], {}
    while True:
        page = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2, **token)
        assert len(page["queueUrls"]) <= 2
        found += page["queueUrls"]
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    assert sorted(found) == sorted(urls)
    set_attributes(sqs, urls[0], RedrivePolicy="")
    assert urls[0] not in sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]
    with refused(NO_QUEUE):
        sqs.list_dead_letter_source_queues(QueueUrl=f"{dead}-not")


def allow(permission, *sources):
    rule = {"redrivePermission": permission}
    return json.dumps({**rule, "sourceQueueArns": list(sources)} if sources else rule)


def test_nobody_may(sqs, queue, dead):
    """API_SetQueueAttributes, RedriveAllowPolicy: denyAll."""
    set_attributes(sqs, dead, RedriveAllowPolicy=allow("denyAll"))
    [found] = attributes(sqs, dead, "RedriveAllowPolicy")
    assert json.loads(found) == json.loads(allow("denyAll"))
    with refused(*REFUSED_VALUE, status=400):
        set_attributes(sqs, queue, RedrivePolicy=policy(arn(sqs, dead), 2))
    set_attributes(sqs, dead, RedriveAllowPolicy=allow("allowAll"))
    set_attributes(sqs, queue, RedrivePolicy=policy(arn(sqs, dead), 2))


def test_only_some_may(sqs, queue, dead, create_queue):
    """API_SetQueueAttributes, RedriveAllowPolicy: byQueue."""
    other = create_queue()
    set_attributes(sqs, dead, RedriveAllowPolicy=allow("byQueue", arn(sqs, queue)))
    set_attributes(sqs, queue, RedrivePolicy=policy(arn(sqs, dead), 2))
    with refused(*REFUSED_VALUE, status=400):
        set_attributes(sqs, other, RedrivePolicy=policy(arn(sqs, dead), 2))


SOURCE = "arn:aws:sqs:us-east-1:000000000000:source"


@pytest.mark.parametrize(
    "text",
    [
        "not json", "{}", allow("sometimes"), allow("byQueue"), allow("allowAll", SOURCE),
        allow("denyAll", SOURCE), allow("byQueue", *[f"{SOURCE}-{n}" for n in range(11)]),
    ],
    ids=["text", "empty", "unknown", "no_sources", "all_and_sources", "none_and_sources", "eleven"],
)
def test_allowances_that_are_refused(sqs, queue, text):
    """API_SetQueueAttributes, RedriveAllowPolicy: up to 10 sourceQueueArns, "only when the
    redrivePermission parameter is set to byQueue"."""
    with refused(*REFUSED_VALUE, status=400):
        set_attributes(sqs, queue, RedriveAllowPolicy=text)


@pytest.mark.slow
def test_retention_of_the_dead(sqs, mortal, create_queue):
    """guide: sqs-dead-letter-queues: in a standard dead-letter queue "the expiration of a message
    is always based on its original enqueue timestamp"."""
    dead = create_queue(MessageRetentionPeriod=60)
    queue = mortal(1, target=dead)
    send(sqs, queue, "a")
    pause(40)
    exhaust(sqs, queue, 1)
    take_one(sqs, dead, VisibilityTimeout=0)
    pause(25)
    assert receive(sqs, dead, WaitTimeSeconds=1) == []


def test_dead_in_order(sqs, create_queue):
    """guide: sqs-dead-letter-queues: a group's dead arrive in the order in which they died."""
    dead = create_queue(fifo=True)
    queue = create_queue(
        name=dead.rsplit("/", 1)[1].removesuffix(".fifo") + "-s.fifo", FifoQueue="true",
        ContentBasedDeduplication="true", VisibilityTimeout=1,
        RedrivePolicy=policy(arn(sqs, dead), 1),
    )
    send(sqs, queue, "a", "b", "c", MessageGroupId="g")
    assert [take_one(sqs, queue)["Body"] for _ in range(3)] == ["a", "b", "c"]
    assert receive(sqs, queue, WaitTimeSeconds=2) == []
    assert bodies(take(sqs, dead, 3)) == ["a", "b", "c"]
