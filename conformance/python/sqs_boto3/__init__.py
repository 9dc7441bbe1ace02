"""Every operation and every rule of SQS, by AWS's documentation.

Each case names the page that it holds to, below
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/: `API_SendMessage` stands for
APIReference/API_SendMessage.html, and `guide: sqs-fair-queues` for
SQSDeveloperGuide/sqs-fair-queues.html.

The cases run against whatever BROKER_AWS names: `host:port`, or the URL of an endpoint. Anything
but Forebay is to be said in BROKER_KIND.
"""
