"""Every operation and every rule of SQS, by AWS's documentation.

Each case names the page that it holds to: `API_SendMessage` stands for
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, and
`guide: fifo-queue-lambda-behavior` for
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/fifo-queue-lambda-behavior.html.

The cases run against whatever BROKER_AWS names: `host:port`, or the URL of an endpoint. Anything but
Forebay is to be said in BROKER_KIND.
"""
