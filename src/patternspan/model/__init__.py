"""Values and words that both sides share: no file, no OpenTelemetry."""
