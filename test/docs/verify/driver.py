import base64
import sys

from verify import is_genuine

for line in sys.stdin:
    webhook_id, timestamp, signature, body, secret, now = [base64.b64decode(field) for field in line.rstrip("\n").split("\t")]
    headers = {"webhook-id": webhook_id.decode(), "webhook-timestamp": timestamp.decode(), "webhook-signature": signature.decode()}
    print("true" if is_genuine(headers, body, secret.decode(), int(now)) else "false")
