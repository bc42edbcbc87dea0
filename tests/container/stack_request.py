"""Sends HTTP requests to the address given and prints the answers as JSON; runs in the network of the engine.

On stdin is a list of requests: method, path, and maybe a body, which is sent as it is if it is text, else as JSON. One
with `until` is sent again until the answer is that JSON, or a minute is over. An answer is [status, headers, text]; the
status is 0 where nobody answered. With a number behind the address, so many requests are sent at once.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
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


def ask(address: str, request: dict[str, Any]) -> list[Any]:
    end = time.monotonic() + 60
    while True:
        answer = send(address, request)
        if (
            "until" not in request
            or time.monotonic() > end
            or (answer[0] and json.loads(answer[2]) == request["until"])
        ):
            return answer
        time.sleep(0.1)


if __name__ == "__main__":
    where, at_once = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with ThreadPoolExecutor(max_workers=at_once) as threads:
        json.dump(list(threads.map(lambda request: ask(where, request), json.load(sys.stdin))), sys.stdout)
