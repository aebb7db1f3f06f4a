"""Devices and the memory on them. This engine's tensors are in the memory of the CPU."""

from __future__ import annotations

from typing import Any

from ._enums import OrtAllocatorType, OrtDeviceMemoryType, OrtDeviceVendorId, OrtMemoryInfoDeviceType, OrtMemType

_NUMBERS = {"cpu": 0, "cuda": 1, "gpu": 1, "webgpu": 1, "npu": 3, "cann": 3, "dml": 4}
_VENDORS = {"cuda": OrtDeviceVendorId.NVIDIA, "dml": OrtDeviceVendorId.MICROSOFT, "cann": OrtDeviceVendorId.HUAWEI}


class OrtDevice:
    """A device and one of its kinds of memory.

    >>> onward.OrtDevice.make("cpu", 0).device_type()
    0
    """

    def __init__(self, device_type: int = 0, mem_type: int = 0, device_id: int = 0, vendor_id: int = 0) -> None:
        self._device_type, self._mem_type = int(device_type), int(mem_type)
        self._device_id, self._vendor_id = int(device_id), int(vendor_id)

    @staticmethod
    def make(ort_device_name: str, device_id: int, vendor_id: int | OrtDeviceVendorId = -1) -> OrtDevice:
        """The device of that name: `OrtDevice.make("cpu", 0)`."""
        number = _NUMBERS.get(ort_device_name.lower())
        if number is None:
            raise ValueError(f"Unsupported device type: {ort_device_name}; expected one of {', '.join(_NUMBERS)}")
        vendor = _VENDORS.get(ort_device_name, 0) if int(vendor_id) == -1 else vendor_id
        return OrtDevice(number, 0, device_id, int(vendor))

    def device_id(self) -> int:
        """Which device of its type: `device.device_id()`."""
        return self._device_id

    def device_type(self) -> int:
        """0 for the CPU: `device.device_type()`."""
        return self._device_type

    def device_vendor_id(self) -> int:
        """The maker's number, 0 for none: `device.device_vendor_id()`."""
        return self._vendor_id

    def device_mem_type(self) -> int:
        """The kind of memory, 0 for the device's own: `device.device_mem_type()`."""
        return self._mem_type

    def _get_c_device(self) -> OrtDevice:
        return self


def require_cpu(device_type: str) -> None:
    """Fails for devices whose memory this build cannot use: `require_cpu("cpu")` is fine."""
    if OrtDevice.make(device_type, 0).device_type() != 0:
        raise RuntimeError(f"this build of onward has no memory on device '{device_type}'; use 'cpu'")


class OrtMemoryInfo:
    """Where memory is and what it is for.

    >>> onward.OrtMemoryInfo("Cpu", onward.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onward.OrtMemType.DEFAULT).name
    'Cpu'
    """

    def __init__(
        self,
        name: str,
        allocator_type: OrtAllocatorType,
        device_id: int = 0,
        mem_type: OrtMemType = OrtMemType.DEFAULT,
    ) -> None:
        self._name, self._allocator_type = name, OrtAllocatorType(allocator_type)
        self._device_id, self._mem_type = device_id, OrtMemType(mem_type)
        self._vendor_id, self._device_mem_type = 0, OrtDeviceMemoryType.DEFAULT

    @staticmethod
    def create_v2(
        name: str,
        device_type: OrtMemoryInfoDeviceType,
        vendor_id: int,
        device_id: int,
        device_mem_type: OrtDeviceMemoryType,
        alignment: int,
        allocator_type: OrtAllocatorType,
    ) -> OrtMemoryInfo:
        """With all that can be said of memory: `OrtMemoryInfo.create_v2("Cpu", ...CPU, 0, 0, ...DEFAULT, 0, ...)`."""
        made = OrtMemoryInfo(name, allocator_type, device_id)
        made._vendor_id, made._device_mem_type = vendor_id, OrtDeviceMemoryType(device_mem_type)
        return made

    @property
    def name(self) -> str:
        """The name that was given: `info.name`."""
        return self._name

    @property
    def device_id(self) -> int:
        """Which device: `info.device_id`."""
        return self._device_id

    @property
    def mem_type(self) -> OrtMemType:
        """What the memory is for: `info.mem_type`."""
        return self._mem_type

    @property
    def allocator_type(self) -> OrtAllocatorType:
        """The kind of allocator: `info.allocator_type`."""
        return self._allocator_type

    @property
    def device_mem_type(self) -> OrtDeviceMemoryType:
        """Whether the host sees it: `info.device_mem_type`."""
        return self._device_mem_type

    @property
    def device_vendor_id(self) -> int:
        """The maker of the device: `info.device_vendor_id`."""
        return self._vendor_id


class OrtArenaCfg:
    """Settings of an arena, accepted and kept; the engine plans its memory itself.

    >>> onward.OrtArenaCfg({"max_mem": 1 << 30}).max_mem
    1073741824
    """

    _FIELDS = ("max_mem", "arena_extend_strategy", "initial_chunk_size_bytes", "max_dead_bytes_per_chunk",
               "initial_growth_chunk_size_bytes", "max_power_of_two_extend_bytes")  # fmt: skip

    def __init__(self, *args: Any) -> None:
        given: dict[str, Any] = (
            dict(args[0]) if len(args) == 1 and isinstance(args[0], dict) else dict(zip(self._FIELDS, args))
        )
        for name in given:
            if name not in self._FIELDS:
                raise ValueError(f"an arena has no setting {name!r}; expected one of {', '.join(self._FIELDS)}")
        self.max_mem = int(given.get("max_mem", 0))
        self.arena_extend_strategy = int(given.get("arena_extend_strategy", -1))
        self.initial_chunk_size_bytes = int(given.get("initial_chunk_size_bytes", -1))
        self.max_dead_bytes_per_chunk = int(given.get("max_dead_bytes_per_chunk", -1))
        self.initial_growth_chunk_size_bytes = int(given.get("initial_growth_chunk_size_bytes", -1))
        self.max_power_of_two_extend_bytes = int(given.get("max_power_of_two_extend_bytes", -1))
