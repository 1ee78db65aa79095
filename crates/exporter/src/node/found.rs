//! What the engine needs for findings and cannot see in observations, and what is looked up once a
//! finding is there.

use gpu::Pass;
use session::UnusableInstance;

/// GPU instances that no process can use.
pub(super) fn unusable_instances(pass: &Pass) -> Vec<UnusableInstance> {
    let of_gpu = |gpu: &std::sync::Arc<gpu::GpuView>| {
        let (gpu_index, gpu_uuid) = (gpu.index, gpu.uuid.clone());
        let idle = gpu.instances_without_ci.clone();
        idle.into_iter().map(move |instance| UnusableInstance {
            gpu_index,
            gpu_uuid: gpu_uuid.clone(),
            gpu_instance: instance.gpu_instance,
            profile: instance.profile,
        })
    };
    pass.gpus.iter().flat_map(of_gpu).collect()
}
