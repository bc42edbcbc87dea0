"""Sends HTTP requests to the address given and prints the answers as JSON; runs in the network of the engine.

On stdin is a list of requests: method, path, and maybe a body, which is sent as it is if it is text, else as JSON.
An answer is [status, headers, text]; the status is 0 where nobody answered.
"""

from __future__ import annotations

import http.client
import json
import sys
from typing import Any
from urllib.parse import urlsplit


def send(address: str, request: dict[str, Any]) -> list[Any]:
    at = urlsplit(address)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
    body = request.get("body")
    content = body if isinstance(body, str) or body is None else json.dumps(body)
    try:
        connection.request(request["method"], request["path"], content and content.encode("utf-8", "surrogateescape"))
        answer = connection.getresponse()
        return [answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()]
    except (OSError, http.client.HTTPException) as failure:
        return [0, {}, str(failure)]
    finally:
        connection.close()


if __name__ == "__main__":
    json.dump([send(sys.argv[1], request) for request in json.load(sys.stdin)], sys.stdout)
