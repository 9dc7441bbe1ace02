"""How people point the command at Forebay, by the CLI's own means and by ours."""

import os
import pathlib
import re
import shlex
import subprocess

import pytest

from rabbit_pika.conftest import connect_to
from sqs_boto3.conftest import endpoint_url

from .command import PROGRAM

ROOT = pathlib.Path(__file__).parents[3]


def test_the_endpoint_comes_from_the_environment(aws, fresh):
    """guide: cli-configure-endpoints: AWS_ENDPOINT_URL, and before it the one of the service.

    `aws sqs` of version 1 only heeds them in regions that it knows no old name of AWS's own for, of
    which eu-central-2 is one (aws-cli #8737).
    """
    here, nowhere = endpoint_url(), "http://127.0.0.1:1"
    elsewhere = {"region": "eu-central-2", "endpoint": False}
    everything = {"AWS_ENDPOINT_URL": here}
    made = aws.sqs("create-queue", queue_name=fresh("q"), environment=everything, **elsewhere)
    assert made["QueueUrl"].startswith(here)
    one = {"AWS_ENDPOINT_URL": nowhere, "AWS_ENDPOINT_URL_SNS": here}
    assert "Topics" in aws.sns("list-topics", endpoint=False, environment=one)
    ended = aws.end("sqs", "list-queues", environment=one, **elsewhere)
    assert ended.status == 255 and nowhere in ended.error
    aws.sqs("delete-queue", queue_url=made["QueueUrl"], region="eu-central-2")


def test_a_profile_names_region_and_account(aws, tmp_path, fresh):
    """guide: cli-configure-files: endpoint_url, region and keys of a profile."""
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "config").write_text(
        f"[profile forebay]\nregion = eu-west-3\nendpoint_url = {endpoint_url()}\n"
        "aws_access_key_id = 210987654321\naws_secret_access_key = any\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        del aws.environment[name]
    name = fresh("t")
    made = aws.sns("create-topic", name=name, profile="forebay", endpoint=False)
    assert made == {"TopicArn": f"arn:aws:sns:eu-west-3:210987654321:{name}"}


@pytest.fixture
def poisoned():
    """What the README's tour has made before it comes to the AWS CLI."""
    connection = connect_to(os.environ["BROKER_AMQP"])
    channel = connection.channel()
    channel.queue_declare("orders.new", durable=True)
    channel.basic_publish("", "orders.new", "NaN chairs")
    yield channel
    channel.queue_delete("orders.new")
    connection.close()


def test_the_commands_of_the_readme_do_what_it_says(aws, poisoned, broker):
    """They are taken out of it; only ports and receipt handles are others."""
    text = (ROOT / "README.md").read_text()
    port = endpoint_url().rsplit(":", 1)[1]
    (alias,) = re.findall(r"^\$ alias aws='(.*)'$", text, re.MULTILINE)
    receive, delete, create, publish = re.findall(r"^\$ (aws .*)$", text, re.MULTILINE)
    aws.environment |= dict(re.findall(r"\b(AWS_\w+)=(\S+)", text.split("$ export", 1)[1]))

    def run(command):
        # As bash would by the alias.
        words = shlex.split(alias.replace("4566", port) + command.removeprefix("aws"))
        ran = subprocess.run(
            PROGRAM + words[1:], capture_output=True, text=True, env=aws.environment, timeout=60
        )
        assert ran.returncode == 0, f"{command}: {ran.stderr}"
        return ran.stdout.rstrip("\n")

    body, handle = run(receive).split("\t")
    assert body == "NaN chairs"
    shown = shlex.split(delete)[-1]
    assert run(delete.replace(shown, handle)) == ""
    assert run(receive) in ("", "None")
    assert run(create) in text.split("\n")
    assert re.fullmatch("[0-9a-f-]{36}", run(publish))

    (consume,) = re.findall(r"^\$ forebay (consume shipped .*)$", text, re.MULTILINE)
    program = [os.environ["FOREBAY"], *shlex.split(consume), "--server", broker]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.returncode) == ("two lamps\n", 0), ran.stderr
