//! Through C and back: gpulse's own loader on the built library gives, call by call, what the
//! simulated driver gives without C between them.

use std::sync::Arc;
use std::time::Duration;

use gpu::nvml::{
    ClockType, Driver, EccCounterType, EccErrorType, FieldAnswer, FieldRequest, GpmSample,
    GpuInstance, Handle, Library, Result, Return,
};
use sim::{Scenario, SimDriver, World};

use crate::built;
use crate::program::{clock, scenario, with_world};

/// `NVML_FI_DEV_*`: energy, memory temperature, power averages, PCIe replays, NVLinks; and none.
const FIELDS: &[u32] = &[83, 82, 185, 186, 94, 91, 138, 9999];

#[test]
fn every_call_gives_the_same_through_c_and_without_it() {
    with_world("same::every_call_gives_the_same_through_c_and_without_it", || {
        let through_c = Library::load(&built::library_590(), true).unwrap();
        through_c.init().unwrap();
        assert!(through_c.is_simulated());
        let world = World::new(&Scenario::load(&scenario()).unwrap());
        let without = SimDriver::new(Arc::new(world), 0, Arc::new(clock()));
        without.init().unwrap();
        Pair { c: &through_c, rust: &without }.compare();
    });
}

#[test]
fn gpulse_refuses_the_library_unless_it_was_named() {
    let refused = Library::load(&built::library_590(), false).unwrap_err();
    assert!(matches!(refused, gpu::OpenError::Simulated { .. }), "{refused}");
}

/// The same machine, seen twice.
struct Pair<'a> {
    c: &'a dyn Driver,
    rust: &'a dyn Driver,
}

/// One call on both sides; what it is called is in the message.
macro_rules! same {
    ($pair:expr, $call:ident($($argument:expr),*)) => {
        assert_eq!($pair.c.$call($($argument),*), $pair.rust.$call($($argument),*), stringify!($call));
    };
}

/// The same about one device, whose handle is another one on each side.
macro_rules! same_of {
    ($pair:expr, $handles:expr; $($call:ident($($argument:expr),*);)*) => {$(
        assert_eq!(
            $pair.c.$call($handles.0 $(, $argument)*),
            $pair.rust.$call($handles.1 $(, $argument)*),
            stringify!($call)
        );
    )*};
}

impl Pair<'_> {
    fn compare(&self) {
        same!(self, system_driver_version());
        same!(self, system_nvml_version());
        same!(self, system_cuda_driver_version());
        same!(self, device_count());
        let count = self.rust.device_count().unwrap();
        assert_eq!(count, 4);
        for index in 0..count {
            match self.both(|driver| driver.device_handle_by_index(index)) {
                Ok(gpu) => self.compare_gpu(gpu),
                Err(code) => assert_eq!(code, Return::GPU_IS_LOST, "GPU {index}"),
            }
        }
        self.both(|driver| driver.device_handle_by_index(count)).unwrap_err();
    }

    /// The two handles, or the code that both give.
    fn both<T>(&self, call: impl Fn(&dyn Driver) -> Result<T>) -> Result<(T, T)> {
        match (call(self.c), call(self.rust)) {
            (Ok(c), Ok(rust)) => Ok((c, rust)),
            (Err(c), Err(rust)) if c == rust => Err(c),
            (c, rust) => panic!("{:?} through C, {:?} without", c.err(), rust.err()),
        }
    }

    fn compare_gpu(&self, gpu: (Handle, Handle)) {
        self.compare_device(gpu);
        same_of!(self, gpu;
            serial(); minor_number(); pci_info(); architecture(); compute_mode();
            persistence_mode(); virtualization_mode(); vgpu_licensed(); mig_mode();
            max_mig_device_count(); enforced_power_limit(); total_energy_consumption();
            power_usage(); performance_state(); pcie_replay_counter(); ecc_mode();
            remapped_rows(); accounting_mode(); accounting_pids(); gpm_supported();
            supported_event_types(); temperature(); process_utilization(0);
        );
        for error in [EccErrorType::Corrected, EccErrorType::Uncorrected] {
            for counter in [EccCounterType::Volatile, EccCounterType::Aggregate] {
                same_of!(self, gpu; total_ecc_errors(error, counter););
            }
        }
        for pid in [4001, 4002, 9999] {
            same_of!(self, gpu; accounting_stats(pid););
        }
        self.compare_fields(gpu);
        self.compare_gpm(gpu);
        for profile in 0..20 {
            same_of!(self, gpu; gpu_instance_profile(profile););
            if let Ok(profile) = self.rust.gpu_instance_profile(gpu.1, profile) {
                let without_handles = |found: Vec<GpuInstance>| -> Vec<_> {
                    found
                        .into_iter()
                        .map(|i| (i.id, i.profile_id, i.placement_start, i.placement_size))
                        .collect()
                };
                assert_eq!(
                    self.c.gpu_instances(gpu.0, profile.id).map(without_handles),
                    self.rust.gpu_instances(gpu.1, profile.id).map(without_handles),
                );
            }
        }
        for index in 0..8 {
            let Ok(mig) = self.both(|driver| {
                let gpu = if std::ptr::addr_eq(driver, self.c) { gpu.0 } else { gpu.1 };
                driver.mig_device_by_index(gpu, index)
            }) else {
                continue;
            };
            self.compare_device(mig);
            same_of!(self, mig; gpu_instance_id(); compute_instance_id(); attributes(););
        }
    }

    /// What a GPU and a MIG device are both asked for.
    fn compare_device(&self, device: (Handle, Handle)) {
        same_of!(self, device;
            uuid(); name(); memory_info_v1(); memory_info_v2(); utilization_rates();
            encoder_utilization(); decoder_utilization(); compute_processes();
            graphics_processes(); mps_processes();
        );
        for clock in [ClockType::Graphics, ClockType::Sm, ClockType::Memory, ClockType::Video] {
            same_of!(self, device; clock_info(clock););
        }
    }

    fn compare_fields(&self, gpu: (Handle, Handle)) {
        let requests: Vec<_> =
            FIELDS.iter().map(|&field| FieldRequest { field, scope: 0 }).collect();
        let c = self.c.field_values(gpu.0, &requests).unwrap();
        let rust = self.rust.field_values(gpu.1, &requests).unwrap();
        let values = |answers: &[FieldAnswer]| -> Vec<_> {
            answers.iter().map(|answer| (answer.timestamp_us, answer.value)).collect()
        };
        assert_eq!(values(&c), values(&rust));
    }

    /// Two samples a second apart, and the metrics between them; of a GPU without GPM the refusal.
    fn compare_gpm(&self, gpu: (Handle, Handle)) {
        let older = self.both_samples(gpu);
        clock().advance(Duration::from_secs(1)).unwrap();
        let newer = self.both_samples(gpu);
        let (Ok(older), Ok(newer)) = (older, newer) else {
            assert_eq!(self.rust.gpm_supported(gpu.1), Ok(false));
            return;
        };
        let ids = [1, 2, 3, 5, 10, 20, 9999];
        let c = self.c.gpm_metrics(older.0, newer.0, &ids).unwrap();
        let rust = self.rust.gpm_metrics(older.1, newer.1, &ids).unwrap();
        assert_eq!(c, rust);
        assert!(c.iter().any(Result::is_ok), "{c:?}");
    }

    fn both_samples(&self, gpu: (Handle, Handle)) -> Result<(GpmSample, GpmSample)> {
        let samples = self.both(|driver| driver.gpm_sample_alloc())?;
        let c = self.c.gpm_sample_get(gpu.0, samples.0);
        assert_eq!(c, self.rust.gpm_sample_get(gpu.1, samples.1));
        c.map(|()| samples)
    }
}
