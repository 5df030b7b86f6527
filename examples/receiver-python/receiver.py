"""A receiver of Hookswitch's webhooks, to copy and build on. It needs Python 3.9 or later and nothing else.

    WEBHOOK_SECRET=whsec_<the URL's secret> WEBHOOK_KEY=<the subscription's key> PORT=3000 python3 receiver.py

It answers
    204  it is ours now, and never sent again. So store it in on_webhook, and do whatever takes long later: the sender waits 10 s at most.
    401  the key or the signature is wrong
    4xx  it is no webhook
    500  on_webhook failed; it is sent again, at first 5 s later
"""
import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST_BODY = 65_536  # bodies are far below; whoever sends more than this is not Hookswitch
TOLERANCE = 300  # seconds; what is older may be an old webhook that somebody sends again
REMEMBERED = 100_000  # keep the ids in your database instead if a repeat after a restart would do harm


def on_webhook(webhook_id, payload):
    """Called once for each webhook. Store it here; raise, and it is sent again."""
    went = {"hangup": f"{payload.get('duration')} s, talked {payload.get('billsec')} s", "cdr": payload.get("status")}
    columns = [payload.get("domain"), payload["state"], payload.get("direction"), f"{payload.get('from_number')} → {payload.get('to_number')}"]
    line = "  ".join(str(column) for column in [*columns, went.get(payload["state"], ""), payload.get("call_id")])
    # Numbers come from callers, and a terminal obeys control characters.
    print(re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", line), flush=True)


class Once:
    """Hands each webhook on once. A repeat that comes while the first is still being stored waits for what becomes of it."""

    def __init__(self, handle):
        self._handle = handle
        self._lock = threading.Lock()
        self._handled = {}

    def __call__(self, webhook_id, payload):
        with self._lock:
            before = self._handled.get(webhook_id)
            if before is None:
                mine = self._handled[webhook_id] = Future()
                if len(self._handled) > REMEMBERED:
                    del self._handled[next(iter(self._handled))]
        if before is not None:
            return before.result()
        try:
            mine.set_result(self._handle(webhook_id, payload))
        except Exception as error:
            with self._lock:
                self._handled.pop(webhook_id, None)
            mine.set_exception(error)
            raise


def is_signed(headers, body, secret):
    """Whether the webhook is signed with the secret, just now, over these bytes. While the secret is being changed either of two signatures will do."""
    webhook_id, timestamp = headers.get("webhook-id") or "", headers.get("webhook-timestamp") or ""
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    right = b"v1," + base64.b64encode(digest)
    return any(hmac.compare_digest(one.encode(), right) for one in (headers.get("webhook-signature") or "").split(" "))


def has_key(headers, key):
    """Compared as hashes, which are of one length, and in constant time, so that the answer's delay tells nothing about the key."""
    given, right = (hashlib.sha256(text.encode()).digest() for text in (headers.get("authorization") or "", f"Bearer {key}"))
    return hmac.compare_digest(given, right)


def handler(once, key, secret):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Longer than the sender keeps an unused connection (30 s), so that it never posts into one that we are just closing.
        timeout = 60

        def do_POST(self):
            try:
                status = self.receive()
            except Exception as error:
                print(f"failed: {error!r}", file=sys.stderr, flush=True)
                status = 500
            self.answer(status)

        def do_GET(self):
            self.answer(405)

        do_HEAD = do_PUT = do_PATCH = do_DELETE = do_GET

        def receive(self):
            if key and not has_key(self.headers, key):
                return 401
            length = self.headers.get("content-length") or ""
            if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > LONGEST_BODY:
                return 413
            body = self.rfile.read(int(length))
            if secret and not is_signed(self.headers, body, secret):
                return 401
            webhook_id, payload = self.headers.get("webhook-id"), parse(body)
            if not webhook_id or payload is None:
                return 400
            once(webhook_id, payload)
            return 204

        def answer(self, status):
            self.send_response(status)
            if status != 204:  # the body may not have been read; the next request must not begin in it
                self.send_header("content-length", "0")
                self.send_header("connection", "close")
            self.end_headers()

        def log_message(self, *_):
            pass

    return Handler


def parse(body):
    try:
        payload = json.loads(body)
        return payload if isinstance(payload, dict) and isinstance(payload.get("state"), str) else None
    except ValueError:
        return None


if __name__ == "__main__":
    webhook_key, webhook_secret = os.environ.get("WEBHOOK_KEY"), os.environ.get("WEBHOOK_SECRET")
    if not webhook_key and not webhook_secret:
        sys.exit("Set WEBHOOK_SECRET to the secret of the URL (whsec_…), or WEBHOOK_KEY to the key of the subscription (callback_apikey)")
    server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "3000"))), handler(Once(on_webhook), webhook_key, webhook_secret))
    print(f"listening on port {server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever()
