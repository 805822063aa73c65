namespace LDaeCore.Engine.Interop;

/// <summary>The device attributes that are read (CUdevice_attribute).</summary>
internal enum DeviceNumber
{
    /// <summary>Streaming multiprocessors.</summary>
    Multiprocessors = 16,

    /// <summary>Major compute capability.</summary>
    ComputeMajor = 75,

    /// <summary>Minor compute capability.</summary>
    ComputeMinor = 76,

    /// <summary>Shared memory a block may have when it asks, bytes.</summary>
    SharedMemoryPerBlock = 97,

    /// <summary>Whether stream-ordered allocation works.</summary>
    MemoryPools = 115,
}
