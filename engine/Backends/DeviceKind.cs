namespace LDaeCore.Engine.Backends;

/// <summary>Where tensors live and who computes.</summary>
public enum DeviceKind
{
    /// <summary>float64, plain loops: the executable specification.</summary>
    Reference,

    /// <summary>float32 on the processor's vector units, several threads.</summary>
    Cpu,

    /// <summary>No memory and no arithmetic: walks a step to plan its memory from shapes.</summary>
    Plan,

    /// <summary>An NVIDIA GPU: bfloat16 or float32.</summary>
    Cuda,

    /// <summary>The CUDA backend on the processor: one library in place of NVIDIA's runs the same kernels.</summary>
    Emulated,
}
