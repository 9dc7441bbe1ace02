"""The AWS CLI as people and scripts use it: every case starts the real `aws`.

What the operations do is the business of sqs_boto3 and sns_boto3; here is what the command line
makes of them: how it writes parameters, pages, prints and fails. Cases name the page that they
hold to, below
https://docs.aws.amazon.com/cli/: `sqs/send-message` stands for latest/reference/sqs/send-message.html, and
`guide: cli-usage-output` for v1/userguide/cli-usage-output.html.
"""
