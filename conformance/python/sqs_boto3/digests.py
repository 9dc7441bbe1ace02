"""The MD5 digests that SQS answers with, made anew.

guide: sqs-message-metadata#sqs-attributes-md5-message-digest-calculation
"""

import hashlib
import struct

STRING, BINARY = b"\x01", b"\x02"


def of_body(body):
    return hashlib.md5(body.encode()).hexdigest()


def of_attributes(attributes):
    """Of message attributes, or of message system attributes."""
    digest = hashlib.md5()
    for name in sorted(attributes):
        attribute = attributes[name]
        kind = attribute["DataType"]
        binary = kind.startswith("Binary")
        value = attribute["BinaryValue"] if binary else attribute["StringValue"].encode()
        digest.update(with_length(name.encode()) + with_length(kind.encode()))
        digest.update((BINARY if binary else STRING) + with_length(value))
    return digest.hexdigest()


def with_length(data):
    return struct.pack(">I", len(data)) + data
