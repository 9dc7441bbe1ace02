"""Requests as bytes, for what no SDK would send; and for the query protocol, which boto3 left."""

import http.client
import json
import urllib.parse
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

# What SDKs send, except that the signature is nobody's: for servers that take any credentials.
SIGNED = (
    "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/sqs/aws4_request,"
    " SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
)
JSON = "application/x-amz-json-1.0"
FORM = "application/x-www-form-urlencoded"
NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def xml(self):
        return ElementTree.fromstring(self.body)

    def texts(self, path):
        """What stands at each place of the path, such as `*/Message/Body`."""
        steps = [step if step == "*" else NAMESPACE + step for step in path.split("/")]
        return [element.text for element in self.xml.findall("/".join(steps))]

    @property
    def error(self):
        """The code of an error in XML."""
        [code] = self.texts("Error/Code")
        return code


class Raw:
    """HTTP to an endpoint, one connection a request."""

    def __init__(self, endpoint, key="test", region="us-east-1"):
        self.address = urllib.parse.urlsplit(endpoint)
        self.key, self.region = key, region

    def connect(self):
        return http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=60)

    def request(self, method, path, body=None, **headers):
        authorization = SIGNED.format(key=self.key, region=self.region)
        sent = {"Authorization": authorization, "X-Amz-Date": "20260101T000000Z"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = self.connect()
        try:
            connection.request(method, path or "/", body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def json(self, operation, body, **headers):
        """A call in AWS JSON 1.0; `body` is an object, or bytes as they are."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Content_Type": JSON, "X_Amz_Target": f"AmazonSQS.{operation}", **headers}
        return self.request("POST", "/", body, **headers)

    def form(self, action, url="/", **parameters):
        """A call of the query protocol: POST with a form."""
        body = encode(action, parameters)
        return self.request("POST", path_of(url), body, Content_Type=FORM)

    def get(self, action, url="/", **parameters):
        """A call of the query protocol: GET with a query string."""
        return self.request("GET", f"{path_of(url)}?{encode(action, parameters)}")


def path_of(url):
    return urllib.parse.urlsplit(url).path


def encode(action, parameters):
    """Names with dots are written with two underscores: Attribute__1__Name."""
    named = {name.replace("__", "."): value for name, value in parameters.items()}
    return urllib.parse.urlencode({"Action": action, "Version": "2012-11-05", **named})
