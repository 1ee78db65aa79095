"""Prints what nvitop's own API says about the GPUs, MIG devices and processes, as JSON.

Nothing of nvitop is changed or worked around: each figure is the one its screen shows. What nvitop
calls not available is null.
"""

import json
import sys

from nvitop import NA, Device, libnvml


def known(value):
    """A figure of nvitop's, or None where it has none."""
    return None if value is NA or value == NA else value


def process(entry):
    """One process on a device."""
    return {
        "pid": entry.pid,
        "type": entry.type,
        "memory_bytes": known(entry.gpu_memory()),
        "sm": known(entry.gpu_sm_utilization()),
        "memory_use": known(entry.gpu_memory_utilization()),
        "encoder": known(entry.gpu_encoder_utilization()),
        "decoder": known(entry.gpu_decoder_utilization()),
    }


def device(entry):
    """One GPU or MIG device."""
    return {
        "name": known(entry.name()),
        "uuid": known(entry.uuid()),
        "bus_id": known(entry.bus_id()),
        "memory_total_bytes": known(entry.memory_total()),
        "memory_used_bytes": known(entry.memory_used()),
        "memory_free_bytes": known(entry.memory_free()),
        "gpu_utilization": known(entry.gpu_utilization()),
        "memory_utilization": known(entry.memory_utilization()),
        "encoder_utilization": known(entry.encoder_utilization()),
        "decoder_utilization": known(entry.decoder_utilization()),
        "power_milliwatts": known(entry.power_usage()),
        "power_limit_milliwatts": known(entry.power_limit()),
        "temperature": known(entry.temperature()),
        "fan_speed": known(entry.fan_speed()),
        "sm_clock": known(entry.sm_clock()),
        "memory_clock": known(entry.memory_clock()),
        "performance_state": known(entry.performance_state()),
        "ecc_errors": known(entry.total_volatile_uncorrected_ecc_errors()),
        "mig_mode": known(entry.mig_mode()),
        "compute_capability": known(entry.cuda_compute_capability()),
        "processes": [process(entry) for entry in entry.processes().values()],
    }


def gpu(entry):
    """One GPU with its MIG devices."""
    migs = [
        {
            "index": mig.mig_index,
            "gpu_instance": known(mig.gpu_instance_id()),
            "compute_instance": known(mig.compute_instance_id()),
            **device(mig),
        }
        for mig in entry.mig_devices()
    ]
    return {"index": entry.index, **device(entry), "mig_devices": migs}


def main():
    """The whole node, or why NVML cannot be had."""
    try:
        driver = Device.driver_version()
        found = [gpu(entry) for entry in Device.all()]
    except libnvml.NVMLError as error:
        json.dump({"error": str(error)}, sys.stdout)
        return
    json.dump({"driver": known(driver), "gpus": found}, sys.stdout)


if __name__ == "__main__":
    main()
