<?php
/*
 * A receiver of Hookswitch's webhooks, to copy and build on. It needs PHP 8 and nothing else.
 *
 *   WEBHOOK_SECRET=whsec_<the URL's secret> WEBHOOK_KEY=<the subscription's key> php -S 127.0.0.1:3000 receiver.php
 *
 * Each webhook becomes a file in the folder WEBHOOK_INBOX (inbox beside this file), for a job of yours to work off. It answers
 *   204  it is stored, and never sent again
 *   401  the key or the signature is wrong
 *   4xx  it is no webhook
 *   500  it could not be stored; it is sent again, at first 5 s later
 */
declare(strict_types=1);

const LONGEST_BODY = 65_536; // bodies are far below; whoever sends more than this is not Hookswitch
const TOLERANCE = 300; // seconds; what is older may be an old webhook that somebody sends again

http_response_code(receive(setting('WEBHOOK_KEY'), setting('WEBHOOK_SECRET'), setting('WEBHOOK_INBOX') ?? __DIR__ . '/inbox'));

function receive(?string $key, ?string $secret, string $inbox): int
{
    if ($key === null && $secret === null) {
        error_log('Set WEBHOOK_SECRET to the secret of the URL (whsec_…), or WEBHOOK_KEY to the key of the subscription (callback_apikey)');
        return 500;
    }
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') return 405;
    if ($key !== null && !hash_equals("Bearer $key", header_of('authorization'))) return 401;
    $length = $_SERVER['CONTENT_LENGTH'] ?? '';
    if (!preg_match('/^[0-9]{1,9}$/D', $length) || (int) $length > LONGEST_BODY) return 413;
    $body = file_get_contents('php://input');
    if ($secret !== null && !is_signed($body, $secret)) return 401;
    $payload = json_decode($body, true);
    $id = header_of('webhook-id');
    if ($id === '' || !is_array($payload) || !is_string($payload['state'] ?? null)) return 400;
    return store($inbox, $id, $body, $payload) ? 204 : 500;
}

/** Whether the webhook is signed with the secret, just now, over these bytes. While the secret is being changed either of two signatures will do. */
function is_signed(string $body, string $secret): bool
{
    $timestamp = header_of('webhook-timestamp');
    if (!preg_match('/^[0-9]{1,12}$/D', $timestamp) || abs(time() - (int) $timestamp) > TOLERANCE) return false;
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $right = 'v1,' . base64_encode(hash_hmac('sha256', header_of('webhook-id') . ".$timestamp.$body", $key, true));
    foreach (explode(' ', header_of('webhook-signature')) as $given) {
        if (hash_equals($right, $given)) return true;
    }
    return false;
}

/** Whole or not at all, and once: the file is named after the webhook's id, and a second link of that name fails. */
function store(string $inbox, string $id, string $body, array $payload): bool
{
    if (!is_dir($inbox) && !@mkdir($inbox, 0700, true) && !is_dir($inbox)) return false;
    $path = $inbox . '/' . hash('sha256', $id) . '.json';
    if (is_file($path)) return true;
    $draft = tempnam($inbox, 'draft');
    if ($draft === false) return false;
    $isNew = file_put_contents($draft, $body) === strlen($body) && @link($draft, $path);
    unlink($draft);
    clearstatcache();
    if ($isNew) show($payload);
    return $isNew || is_file($path);
}

/** One webhook as a line to read. Numbers come from callers, and a terminal obeys control characters. */
function show(array $payload): void
{
    $of = fn (string $name): string => (string) ($payload[$name] ?? '');
    $went = ['hangup' => "{$of('duration')} s, talked {$of('billsec')} s", 'cdr' => $of('status')][$of('state')] ?? '';
    $columns = [$of('domain'), $of('state'), $of('direction'), "{$of('from_number')} → {$of('to_number')}", $went, $of('call_id')];
    file_put_contents('php://stdout', preg_replace('/[\x00-\x1f\x7f]|\xc2[\x80-\x9f]/', '?', implode('  ', $columns)) . "\n");
}

function header_of(string $name): string
{
    return $_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? '';
}

function setting(string $name): ?string
{
    $value = getenv($name);
    return $value === false || $value === '' ? null : $value;
}
