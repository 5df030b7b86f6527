<?php
require 'verify.php';
while (($line = fgets(STDIN)) !== false) {
    [$id, $timestamp, $signature, $body, $secret, $now] = array_map('base64_decode', explode("\t", rtrim($line, "\n")));
    $headers = ['webhook-id' => $id, 'webhook-timestamp' => $timestamp, 'webhook-signature' => $signature];
    echo is_genuine($headers, $body, $secret, (int) $now) ? "true\n" : "false\n";
}
