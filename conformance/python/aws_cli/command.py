"""`aws` as a subprocess: what it is given, what it prints, how it ends."""

import json
import os
import pathlib
import subprocess
from dataclasses import dataclass

from sqs_boto3.conftest import endpoint_url

PATIENCE = 60
INSTALLED = pathlib.Path(os.environ.get("CACHE", "")) / "aws-cli/bin"
# By its interpreter: a script knows where its environment was when it was made.
PROGRAM = [str(INSTALLED / "python"), str(INSTALLED / "aws")]


def arn_of(queue_url):
    """Of the default region; account and name are the end of the URL."""
    account, name = queue_url.rsplit("/", 2)[1:]
    return f"arn:aws:sqs:us-east-1:{account}:{name}"


@dataclass
class Ended:
    status: int
    output: str
    error: str


class Aws:
    """In an environment of its own, so that nobody's configuration has a say.

    Options are given as arguments: `queue_url=url` is `--queue-url URL`. What is no string is
    written as JSON, a tuple as several values, and True is an option without one.
    """

    def __init__(self, folder, key="any"):
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            # The first answer is to be seen.
            "AWS_MAX_ATTEMPTS": "1",
        }

    def end(self, *words, endpoint=True, environment=(), **options):
        """Runs it, whatever becomes of it."""
        command = [*PROGRAM]
        if endpoint:
            command += ["--endpoint-url", endpoint_url()]
        command += words
        for name, value in options.items():
            command.append("--" + name.replace("_", "-"))
            values = value if isinstance(value, tuple) else (value,)
            for one in values:
                if one is not True:
                    command.append(one if isinstance(one, str) else json.dumps(one))
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=self.folder,
            env={**self.environment, **dict(environment)},
        )
        return Ended(ran.returncode, ran.stdout, ran.stderr)

    def text(self, *words, **options):
        """What a command that succeeds prints."""
        ended = self.end(*words, **options)
        assert ended.status == 0, f"{words}: {ended}"
        assert ended.error == ""
        return ended.output.rstrip("\n")

    def sqs(self, operation, **options):
        """Its answer; a command without one prints nothing."""
        printed = self.text("sqs", operation, **options)
        return json.loads(printed) if printed else {}

    def sns(self, operation, **options):
        printed = self.text("sns", operation, **options)
        return json.loads(printed) if printed else {}

    def refused(self, *words, **options):
        """What it says when the server refuses: guide: cli-usage-returncodes (254 is version 2's)."""
        ended = self.end(*words, **options)
        assert ended.status == 255, ended
        assert ended.output == ""
        return ended.error.strip()
