"""Write side, first half: runs, spans and events. Needs opentelemetry-api only."""
