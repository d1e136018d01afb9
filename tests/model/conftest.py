"""Property tests look at behaviour, not at how long an example takes on a busy machine."""

from hypothesis import HealthCheck, settings

settings.register_profile("patternspan", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patternspan")
