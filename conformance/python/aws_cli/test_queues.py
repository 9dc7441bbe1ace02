"""Queues: made, found, listed, changed, and what a command says that fails."""

import json


def test_a_queue_is_made_found_and_deleted(aws, fresh):
    """sqs/create-queue, sqs/get-queue-url, sqs/delete-queue."""
    name = fresh("q")
    url = aws.sqs("create-queue", queue_name=name)["QueueUrl"]
    assert url.endswith(f"/000000000000/{name}")
    assert aws.sqs("get-queue-url", queue_name=name) == {"QueueUrl": url}
    assert aws.text("sqs", "delete-queue", queue_url=url) == ""
    assert "NonExistentQueue" in aws.refused("sqs", "get-queue-url", queue_name=name)


def test_a_missing_queue_is_an_error_of_the_documented_form(aws):
    """guide: cli-chap-troubleshooting: "An error occurred (Code) when calling the Operation operation"."""
    assert aws.refused("sqs", "get-queue-url", queue_name="nowhere") == (
        "An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the GetQueueUrl"
        " operation: The specified queue does not exist."
    )


def test_a_wrong_attribute_is_refused_by_its_code(aws, fresh):
    """sqs/create-queue, --attributes: DelaySeconds has at most 900."""
    said = aws.refused(
        "sqs", "create-queue", queue_name=fresh("q"), attributes="DelaySeconds=901"
    )
    assert said.startswith("An error occurred (InvalidAttributeValue) when calling the CreateQueue")


def test_queues_are_listed_in_pages(account):
    """sqs/list-queues; guide: cli-usage-pagination: --max-items, --starting-token, --page-size."""
    names = [f"jobs-{n}" for n in range(3)]
    for name in [*names, "other"]:
        account.sqs("create-queue", queue_name=name)

    def listed(**options):
        page = account.sqs("list-queues", queue_name_prefix="jobs", **options)
        return [url.rsplit("/", 1)[1] for url in page["QueueUrls"]], page.get("NextToken")

    first, token = listed(max_items="2")
    assert first == names[:2] and token
    assert listed(max_items="2", starting_token=token) == (names[2:], None)
    # All of them, though the server is asked for two at a time.
    assert listed(page_size="2") == (names, None)
    # What the server itself calls a page.
    first, token = listed(max_results="2", no_paginate=True)
    assert first == names[:2] and token


def test_attributes_are_set_from_shorthand_and_from_a_file(aws, queue, tmp_path):
    """sqs/set-queue-attributes; guide: cli-usage-parameters-file."""
    aws.sqs("set-queue-attributes", queue_url=queue, attributes="VisibilityTimeout=7,DelaySeconds=2")
    file = tmp_path / "attributes.json"
    file.write_text(json.dumps({"MessageRetentionPeriod": "3600"}))
    aws.sqs("set-queue-attributes", queue_url=queue, attributes=f"file://{file}")
    shown = aws.sqs("get-queue-attributes", queue_url=queue, attribute_names="All")["Attributes"]
    wanted = {"VisibilityTimeout": "7", "DelaySeconds": "2", "MessageRetentionPeriod": "3600"}
    assert wanted.items() <= shown.items()
    some = aws.sqs(
        "get-queue-attributes", queue_url=queue, attribute_names=("DelaySeconds", "VisibilityTimeout")
    )
    assert some == {"Attributes": {"DelaySeconds": "2", "VisibilityTimeout": "7"}}


def test_tags_come_and_go(aws, queue):
    """sqs/tag-queue, sqs/list-queue-tags, sqs/untag-queue."""
    aws.sqs("tag-queue", queue_url=queue, tags="team=billing,stage=test")
    tags = {"team": "billing", "stage": "test"}
    assert aws.sqs("list-queue-tags", queue_url=queue) == {"Tags": tags}
    aws.sqs("untag-queue", queue_url=queue, tag_keys="stage")
    assert aws.sqs("list-queue-tags", queue_url=queue) == {"Tags": {"team": "billing"}}


def test_output_is_json_text_or_a_table(aws, queue):
    """guide: cli-usage-output-format, cli-usage-filter: --output, --query."""
    asked = {"queue_url": queue, "attribute_names": ("VisibilityTimeout", "DelaySeconds")}
    ask = ["sqs", "get-queue-attributes"]
    assert json.loads(aws.text(*ask, **asked, output="json")) == {
        "Attributes": {"VisibilityTimeout": "30", "DelaySeconds": "0"}
    }
    both = "Attributes.[VisibilityTimeout,DelaySeconds]"
    assert aws.text(*ask, **asked, query=both, output="text") == "30\t0"
    table = aws.text(*ask, **asked, output="table")
    rows = [[cell.strip() for cell in line.split("|") if cell.strip()] for line in table.split("\n")]
    assert ["DelaySeconds", "VisibilityTimeout"] in rows and ["0", "30"] in rows, table
