"""What all cases share: the command, and what it works on, which boto3 makes in a hundredth of its time."""

import random

import pytest

from sns_boto3.conftest import create_topic, sns, topic  # noqa: F401
from sqs_boto3.conftest import create_queue, endpoint, queue, sqs  # noqa: F401

from .command import Aws


@pytest.fixture
def aws(tmp_path):
    return Aws(tmp_path)


@pytest.fixture
def account(tmp_path):
    """The command in an account where nothing is yet: an access key of twelve digits names it."""
    return Aws(tmp_path, key=f"{random.randrange(10**12):012}")
