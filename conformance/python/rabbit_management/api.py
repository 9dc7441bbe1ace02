"""A client of the management API that hides nothing: what is asked, and what comes back."""

import base64
import contextlib
import http.client
import json
import os
import urllib.parse

PATIENCE = 20


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def error(self):
        """What an error is called, and why it is one."""
        return self.json["error"], self.json["reason"]


class Api:
    """As a user; paths are given in parts, which are quoted: api.get("queues", "/", name)."""

    def __init__(self, user="guest", password="guest"):
        self.address = os.environ["BROKER_ADMIN"]
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.headers = {"authorization": f"Basic {token}"}

    def ask(self, method, *parts, body=None, headers=(), **query):
        path = "/api/" + "/".join(urllib.parse.quote(part, safe="") for part in parts)
        if query:
            path += "?" + urllib.parse.urlencode(query)
        given = dict(headers)
        if body is not None:
            given["content-type"] = "application/json"
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {**self.headers, **given})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, *parts, **query):
        return self.ask("GET", *parts, **query)

    def put(self, *parts, body=None):
        return self.ask("PUT", *parts, body={} if body is None else body)

    def post(self, *parts, body=None):
        return self.ask("POST", *parts, body={} if body is None else body)

    def delete(self, *parts, **query):
        return self.ask("DELETE", *parts, **query)

    def read(self, *parts, **query):
        """What is there, which must be."""
        answer = self.get(*parts, **query)
        assert answer.status == 200, f"{answer.status} {answer.text}"
        assert answer.headers["content-type"] == "application/json"
        return answer.json

    def made(self, *parts, body=None):
        """Makes something new."""
        answer = self.put(*parts, body=body)
        assert answer.status == 201, f"{answer.status} {answer.text}"

    @contextlib.contextmanager
    def virtual_host(self, name):
        """A virtual host in which guest may do everything, and that is gone afterwards."""
        self.made("vhosts", name)
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.put("permissions", name, "guest", body=everything)
        try:
            yield name
        finally:
            self.delete("vhosts", name)


NOT_FOUND = ("Object Not Found", "Not Found")
