"""Tests of what monitoring sees: Prometheus' metrics, alerts and dashboard, and the HTTP status."""
