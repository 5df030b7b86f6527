#!/usr/bin/env bash
# Whether what is in deploy/ would be taken: by Prometheus, and by systemd. What the machine lacks and may not be given is said and passed over.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v promtool >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends prometheus; } >/dev/null 2>&1 || true
fi
if command -v promtool >/dev/null; then
  promtool check config deploy/prometheus/prometheus.yml
  promtool test rules deploy/prometheus/alerts.test.yml
  node scripts/sample-metrics.js | promtool check metrics
  echo 'promtool takes the configuration, the alerts and every metric'
else
  echo 'SKIPPED: there is no promtool here, and it takes root and apt-get to install it (Debian has it in the package prometheus)'
fi

if command -v systemd-analyze >/dev/null; then
  unit=$(mktemp -d)
  trap 'rm -rf "$unit"' EXIT
  # Whether the program and the user are there is a question for the machine it is installed on.
  sed -e 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' -e '/^\(User\|Group\|EnvironmentFile\)=/d' deploy/hookswitch.service > "$unit/hookswitch.service"
  said=$(systemd-analyze verify --man=no "$unit/hookswitch.service" 2>&1 || echo 'systemd-analyze verify failed')
  if grep -F -e hookswitch.service -e failed <<<"$said"; then exit 1; fi
  # From 0, all is shut, to 10; the rest it cannot do without: its user, the network, local sockets.
  systemd-analyze security --offline=true --threshold=20 --no-pager deploy/hookswitch.service | tail -1
else
  echo 'SKIPPED: there is no systemd-analyze here'
fi
