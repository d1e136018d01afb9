"""Grafana dashboards as code: `scripts/dashboards` writes them to `dashboards/json/`."""
