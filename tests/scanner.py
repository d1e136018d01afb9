"""An executor as text, for tests that record in a process of its own."""

SCAN = """
from patternspan import current_run, pattern_span

@pattern_span("PAT-SCAN-001", operation_kind="scan")
def scan(number):
    run = current_run()
    with run.validating(checks=["there"]) as validation:
        validation.check("there", True)
    with run.executing(command="x" * 200):
        pass
    return {"findings": number, "text": "y" * 200}
"""
"""`scan(number)`: a run of two phases that succeeds."""
EVENTS, SPANS = 4, 3
"""How many of each such a run has."""
