"""Clients that send too much, too slowly, or leave."""

import json
import socket
import struct
import threading

import pytest
from eventually import eventually

from .messages import bodies, counts, pause, receive, send, take_one
from .raw import JSON, SIGNED, Raw

RESET = struct.pack("ii", 1, 0)


@pytest.fixture
def raw(endpoint):
    return Raw(endpoint)


@pytest.fixture
def begin(raw):
    """Sends a request on a socket of its own and does not wait for the answer."""
    opened = []

    def begin(operation, request, length=None):
        body = json.dumps(request).encode()
        head = [
            "POST / HTTP/1.1", f"Host: {raw.address.netloc}", f"Content-Type: {JSON}",
            f"X-Amz-Target: AmazonSQS.{operation}", f"Content-Length: {length or len(body)}",
            "Authorization: " + SIGNED.format(key="test", region="us-east-1"),
            "X-Amz-Date: 20260101T000000Z", "", "",
        ]
        one = socket.create_connection((raw.address.hostname, raw.address.port), timeout=30)
        opened.append(one)
        one.sendall("\r\n".join(head).encode() + body)
        return one

    yield begin
    for one in opened:
        one.close()


def poll(queue, **parameters):
    return {"QueueUrl": queue, "WaitTimeSeconds": 20, **parameters}


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
def test_a_client_that_leaves_while_it_waits(sqs, create_queue, begin, reset):
    """API_ReceiveMessage: a message that went to nobody is there after its time-out, counted right:
    once, or twice if it had been on its way."""
    queue = create_queue(VisibilityTimeout=2)
    one = begin("ReceiveMessage", poll(queue))
    pause(0.5)
    leave(one, reset)
    pause(0.5)
    send(sqs, queue, "a")
    message = take_one(sqs, queue)
    assert message["Attributes"]["ApproximateReceiveCount"] in ("1", "2")


@pytest.mark.forebay
def test_who_left_takes_nothing_with_it(sqs, queue, begin):
    """The poll ends with its connection, so the message is there at once, as never received."""
    polls = [begin("ReceiveMessage", poll(queue)) for _ in range(20)]
    pause(0.5)
    for number, one in enumerate(polls):
        leave(one, reset=number % 2 == 0)
    pause(0.5)
    send(sqs, queue, *map(str, range(10)))
    for _ in range(10):
        assert take_one(sqs, queue)["Attributes"]["ApproximateReceiveCount"] == "1"


def leave(one, reset):
    if reset:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.close()


def test_a_client_that_leaves_with_a_message(sqs, create_queue, begin):
    """guide: sqs-visibility-timeout: not deleted, so it comes back."""
    queue = create_queue(VisibilityTimeout=2)
    send(sqs, queue, "a")
    one = begin("ReceiveMessage", poll(queue))
    assert one.recv(1)
    leave(one, reset=True)
    message = take_one(sqs, queue)
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_send_that_is_cut_off_is_none(sqs, queue, begin):
    """RFC 9112, 8: an incomplete message is not processed."""
    one = begin("SendMessage", {"QueueUrl": queue, "MessageBody": "a"}, length=10_000)
    pause(0.2)
    one.close()
    assert receive(sqs, queue, WaitTimeSeconds=1) == []


def test_a_send_whose_answer_nobody_reads_counts(sqs, queue, begin):
    """API_SendMessage: what was sent whole is sent."""
    begin("SendMessage", {"QueueUrl": queue, "MessageBody": "a"})
    eventually(lambda: counts(sqs, queue)[0] == 1, what="the message")


def test_slow_senders_do_not_keep_others(sqs, queue, begin):
    """Half a request, many times; the others are answered."""
    for _ in range(50):
        begin("SendMessage", {"QueueUrl": queue}, length=1_000)
    send(sqs, queue, "a")
    assert bodies([take_one(sqs, queue)]) == ["a"]


def test_many_who_wait(sqs, queue, begin):
    """guide: sqs-short-and-long-polling; a message for each."""
    polls = [begin("ReceiveMessage", poll(queue)) for _ in range(100)]
    for start in range(0, 100, 10):
        entries = [{"Id": str(n), "MessageBody": str(n)} for n in range(start, start + 10)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    found = []
    threads = [threading.Thread(target=lambda o=one: found.append(body_of(o))) for one in polls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=int) == [str(n) for n in range(100)]


def body_of(one):
    """The body of the one message in an answer."""
    data = b""
    while b"}]}" not in data:
        part = one.recv(65536)
        assert part, data
        data += part
    return json.loads(data.partition(b"\r\n\r\n")[2])["Messages"][0]["Body"]


def test_huge_requests_are_refused(raw, sqs, queue):
    """API_SendMessage: 1 MiB; a request of many is not read to its end, or refused then."""
    request = {"QueueUrl": queue, "MessageBody": "a" * (32 * 1024 * 1024)}
    try:
        assert 400 <= raw.json("SendMessage", request).status < 500
    except ConnectionError:
        pass  # It was cut off before it was all sent.
    send(sqs, queue, "a")


def test_the_largest_message_however_it_is_written(raw, sqs, queue):
    """RFC 8259: every character as an escape of six or twelve bytes is still a message of 1 MiB."""
    text = b"\\u00e9" * (1_048_576 // 2)
    request = json.dumps({"QueueUrl": queue}).encode()[:-1] + b', "MessageBody": "' + text + b'"}'
    assert raw.json("SendMessage", request).status == 200
    assert take_one(sqs, queue)["Body"] == "é" * (1_048_576 // 2)


def test_huge_attributes_are_refused(raw, queue):
    """API_SetQueueAttributes, API_SendMessage."""
    text = "x" * 2_000_000
    for operation, request in [
        ("SetQueueAttributes", {"Attributes": {"Policy": text}}),
        ("SetQueueAttributes", {"Attributes": {text: "1"}}),
        ("SendMessage", {"MessageBody": "a", "MessageAttributes": {
            "a": {"DataType": "String", "StringValue": text}}}),
        ("SendMessage", {"MessageBody": "a", "MessageAttributes": {
            str(n): {"DataType": "String", "StringValue": "v"} for n in range(50_000)}}),
        ("DeleteMessage", {"ReceiptHandle": text}),
        ("TagQueue", {"Tags": {text: "v"}}),
    ]:
        assert 400 <= raw.json(operation, {"QueueUrl": queue, **request}).status < 500


def test_huge_numbers_are_refused(raw, queue):
    """API_ReceiveMessage: integers in their range."""
    for value in [2**31, 2**63, 10**40, 1e300, 1.5, True, "ten"]:
        answer = raw.json("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": value})
        assert answer.status == 400, value


def test_thousands_of_form_parameters(raw, queue):
    """guide: sqs-making-api-requests-xml: bounded, whatever their number."""
    many = {f"AttributeName.{n}": "All" for n in range(1, 50_000)}
    assert raw.form("GetQueueAttributes", queue, **many).status in (200, 400, 413)
    far = {"AttributeName.4294967295": "All", "AttributeName.99999999999999999999": "All"}
    assert raw.form("GetQueueAttributes", queue, **far).status in (200, 400)


def test_many_headers(raw, queue):
    """RFC 9110, 5.4: a server may refuse what is too large for it."""
    headers = {f"X_Filler_{n}": "x" * 1000 for n in range(90)}
    try:
        answer = raw.json("ListQueues", {}, **headers)
        assert answer.status == 200 or 400 <= answer.status < 500
    except ConnectionError:
        pass
    assert raw.json("ListQueues", {}).status == 200
