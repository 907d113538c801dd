from tests.measuring.conftest import fake_nvml, nvml_library

__all__ = ["fake_nvml", "nvml_library"]
