using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>How a CUDA backend works.</summary>
public sealed record CudaOptions
{
    /// <summary>BF16 (storage; sums are float32) or F32, the parity mode without TF32.</summary>
    public DType ActivationType { get; init; } = DType.BF16;

    /// <summary>Whether the candidates for each matrix product are timed; else cuBLASLt's first is taken (cuda.autotune).</summary>
    public bool Autotune { get; init; } = true;

    /// <summary>Whether a training step is recorded once and replayed; off to see its kernels one by one.</summary>
    public bool Replay { get; init; } = true;

    /// <summary>Folder of compiled kernels and tuning results; the user's cache when null.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>A file of algorithm choices that come before those of the cache, such as a run folder's; or null.</summary>
    public string? AlgorithmFile { get; init; }

    /// <summary>Told what a user should know and need not stop for, such as a cache that cannot be written.</summary>
    public Action<string>? Warn { get; init; }
}
