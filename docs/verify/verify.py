import base64
import hashlib
import hmac
import re
import time


def is_genuine(headers, body, secret, now=None):
    """`headers` answers get() with lower-case names; `body` is the bytes received; `now` in seconds."""
    webhook_id = headers.get("webhook-id") or ""
    timestamp = headers.get("webhook-timestamp") or ""
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > 300:
        return False

    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    right = b"v1," + base64.b64encode(digest)
    signatures = (headers.get("webhook-signature") or "").split(" ")
    return any(hmac.compare_digest(one.encode(), right) for one in signatures)
