"""Who may do what, where access keys say who calls: guide: sqs-using-identity-based-policies,
sqs-customer-managed-policy-examples; IAM: reference_policies_evaluation-logic."""

import json

import boto3
import pytest
from process.forebay import Forebay

from .conftest import REGION, open_client
from .messages import arn, attributes, bodies, delete, receive, refused, send, set_attributes

pytestmark = pytest.mark.forebay

OWNER, OTHER = "111122223333", "444455556666"
# The secret of both is the one that all clients of the suite sign with.
KEYS = f"AKIAOWNER test {OWNER}\nAKIAOTHER test {OTHER}\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    keys = folder / "keys"
    keys.write_text(KEYS)
    keys.chmod(0o600)
    flag = f"--aws-access-keys={keys}"
    with Forebay(folder / "data", flag, aws="127.0.0.1:0") as server:
        yield f"http://{server.aws}"
        assert server.stop() == 0


@pytest.fixture
def owner(address):
    return open_client(address, key="AKIAOWNER")


@pytest.fixture
def other(address):
    return open_client(address, key="AKIAOTHER")


@pytest.fixture
def queue(owner, fresh):
    return owner.create_queue(QueueName=fresh("q"))["QueueUrl"]


def statement(queue_arn, effect="Allow", action="sqs:SendMessage", account=OTHER, **more):
    principal = "*" if account == "*" else {"AWS": account}
    return {
        "Effect": effect, "Principal": principal, "Action": action, "Resource": queue_arn, **more
    }


def apply(owner, queue, *statements):
    policy = {"Version": "2012-10-17", "Statement": [*statements]}
    set_attributes(owner, queue, Policy=json.dumps(policy))


def denied(*_):
    return refused("AccessDenied", "AccessDeniedException", status=403)


def test_others_may_nothing(owner, other, queue, fresh):
    """Without a policy a queue is its owner's alone; and nobody learns which queues there are."""
    send(owner, queue, "a")
    elsewhere = f"{queue}-not"
    for name in [queue, elsewhere]:
        with denied():
            send(other, name, "b")
        with denied():
            receive(other, name)
        with denied():
            other.delete_queue(QueueUrl=name)
        with denied():
            other.get_queue_url(
                QueueName=name.rsplit("/", 1)[1], QueueOwnerAWSAccountId=OWNER
            )
    assert bodies(receive(owner, queue)) == ["a"]
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        send(owner, elsewhere, "b")


def test_a_policy_allows_others(owner, other, queue):
    """What is allowed and no more; of batches, too: "Specifying SendMessage ... also grants
    permissions for the corresponding batch versions" (API_AddPermission)."""
    apply(owner, queue, statement(arn(owner, queue)))
    send(other, queue, "a")
    entries = [{"Id": "1", "MessageBody": "b"}]
    assert other.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]
    with denied():
        receive(other, queue)
    with denied():
        attributes(other, queue)
    assert sorted(bodies(receive(owner, queue))) == ["a", "b"]
    set_attributes(owner, queue, Policy="")
    with denied():
        send(other, queue, "c")


def test_permissions_allow_others(owner, other, queue):
    """API_AddPermission, API_RemovePermission."""
    owner.add_permission(
        QueueUrl=queue, Label="consumer", AWSAccountIds=[OTHER],
        Actions=["ReceiveMessage", "DeleteMessage"],
    )
    send(owner, queue, "a")
    with denied():
        send(other, queue, "b")
    [message] = receive(other, queue)
    delete(other, queue, message)
    owner.remove_permission(QueueUrl=queue, Label="consumer")
    with denied():
        receive(other, queue)


def test_a_denial_goes_before_what_is_allowed(owner, other, queue):
    """IAM: "an explicit deny in any policy overrides any allows", the owner's, too."""
    of = arn(owner, queue)
    apply(
        owner, queue, statement(of, action="sqs:*"),
        statement(of, "Deny", ["sqs:SendMessage", "SQS:purge*"], "*"),
    )
    for client in [owner, other]:
        with denied() as refusal:
            send(client, queue, "a")
        assert "explicit deny" in str(refusal.value)
        with denied():
            client.purge_queue(QueueUrl=queue)
        assert receive(client, queue) == []


def test_what_is_the_owner_s_alone(owner, other, queue):
    """API_AddPermission and others: "Cross-account permissions don't apply to this action"."""
    apply(owner, queue, statement(arn(owner, queue), action="*"))
    send(other, queue, "a")
    for call in [
        lambda: other.delete_queue(QueueUrl=queue),
        lambda: set_attributes(other, queue, DelaySeconds=1),
        lambda: other.tag_queue(QueueUrl=queue, Tags={"a": "b"}),
        lambda: other.list_queue_tags(QueueUrl=queue),
        lambda: other.remove_permission(QueueUrl=queue, Label="a"),
        lambda: other.add_permission(
            QueueUrl=queue, Label="a", AWSAccountIds=[OTHER], Actions=["*"]
        ),
        lambda: other.start_message_move_task(SourceArn=arn(owner, queue)),
    ]:
        with denied():
            call()
    assert bodies(receive(owner, queue)) == ["a"]


def test_one_key_of_an_account(owner, other, queue):
    """IAM: reference_policies_elements_principal: a user of an account. Users are called by the
    ids of their access keys."""
    of = arn(owner, queue)
    apply(owner, queue, statement(of, account=f"arn:aws:iam::{OTHER}:user/AKIANOBODY"))
    with denied() as refusal:
        send(other, queue, "a")
    assert f"arn:aws:iam::{OTHER}:user/AKIAOTHER" in str(refusal.value)
    apply(owner, queue, statement(of, account=f"arn:aws:iam::{OTHER}:user/AKIAOTHER"))
    send(other, queue, "a")


@pytest.mark.parametrize(
    "condition, holds",
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.1"]}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"StringLike": {"aws:UserAgent": "Boto3/*"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": OTHER}}, True),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:user/*"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2200-01-01T00:00:00Z"}}, False),
        ({"NumericGreaterThan": {"aws:EpochTime": "1700000000"}}, True),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:1:t"}}, False),
        ({"Null": {"aws:SourceArn": "true"}}, True),
        # Nobody knows: so it does not allow.
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else str(value),
)
def test_conditions(owner, other, queue, condition, holds):
    """IAM: reference_policies_elements_condition_operators."""
    apply(owner, queue, statement(arn(owner, queue), Condition=condition))
    if holds:
        send(other, queue, "a")
    else:
        with denied():
            send(other, queue, "a")


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "allow"}, {"Principal": "someone"}, {"Action": "s3:GetObject"},
        {"Condition": {"StringResembles": {"aws:Referer": "a"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "localhost"}}},
        {"Resource": "${aws:username}"},
    ],
    ids=["effect", "principal", "action", "operator", "value", "variable"],
)
def test_a_policy_that_is_not_understood_is_refused(owner, queue, change):
    """API_SetQueueAttributes, Policy: "A valid AWS policy". What nobody understands may not be
    taken as if it said nothing."""
    with refused("InvalidAttributeValue", status=400):
        apply(owner, queue, {**statement(arn(owner, queue)), **change})
    assert "Policy" not in owner.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["All"]
    )["Attributes"]


def test_a_topic_of_another_account_sends_if_the_queue_s_policy_says_so(
    address, owner, queue, fresh
):
    """SNS guide: sns-send-message-to-sqs-cross-account."""
    sns = boto3.client(
        "sns", endpoint_url=address, region_name=REGION, aws_access_key_id="AKIAOTHER",
        aws_secret_access_key="test",
    )
    topic = sns.create_topic(Name=fresh("t"))["TopicArn"]
    of = arn(owner, queue)
    subscription = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": of}
    with refused("AuthorizationError", status=403):
        sns.subscribe(**subscription)
    to_sns = {
        **statement(of, Condition={"ArnEquals": {"aws:SourceArn": topic}}),
        "Principal": {"Service": "sns.amazonaws.com"},
    }
    apply(owner, queue, to_sns)
    sns.subscribe(**subscription, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="news")
    assert bodies(receive(owner, queue, WaitTimeSeconds=5)) == ["news"]
