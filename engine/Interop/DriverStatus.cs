namespace LDaeCore.Engine.Interop;

/// <summary>The driver's status codes that have a remedy of their own (CUresult).</summary>
internal enum DriverStatus
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>Not enough device memory.</summary>
    OutOfMemory = 2,

    /// <summary>cuInit was not called, or failed.</summary>
    NotInitialized = 3,

    /// <summary>No GPU.</summary>
    NoDevice = 100,

    /// <summary>No GPU of that number.</summary>
    InvalidDevice = 101,

    /// <summary>The image is not a cubin that the driver supports.</summary>
    InvalidImage = 200,

    /// <summary>The cubin is for another architecture.</summary>
    NoBinaryForGpu = 209,

    /// <summary>PTX that does not compile.</summary>
    InvalidPtx = 218,

    /// <summary>PTX of a newer CUDA than the driver's.</summary>
    UnsupportedPtxVersion = 222,

    /// <summary>A kernel accessed an invalid address.</summary>
    IllegalAddress = 700,

    /// <summary>A kernel failed.</summary>
    LaunchFailed = 719,

    /// <summary>Kernel module and library have different versions.</summary>
    SystemDriverMismatch = 803,

    /// <summary>This GPU does not support forward compatibility.</summary>
    CompatNotSupported = 804,
}

/// <summary>The device attributes that are read (CUdevice_attribute).</summary>
internal enum DeviceNumber
{
    /// <summary>Streaming multiprocessors.</summary>
    Multiprocessors = 16,

    /// <summary>Major compute capability.</summary>
    ComputeMajor = 75,

    /// <summary>Minor compute capability.</summary>
    ComputeMinor = 76,

    /// <summary>Most shared memory a block may opt in to, bytes.</summary>
    SharedMemoryPerBlock = 97,

    /// <summary>Whether stream-ordered allocation works.</summary>
    MemoryPools = 115,
}

/// <summary>The kernel attributes that are read or set (CUfunction_attribute).</summary>
internal enum FunctionNumber
{
    /// <summary>Threads of the largest block.</summary>
    MaxThreads = 0,

    /// <summary>Static shared memory, bytes.</summary>
    StaticShared = 1,

    /// <summary>Local memory a thread, bytes: spilled registers and arrays.</summary>
    Local = 3,

    /// <summary>Registers a thread.</summary>
    Registers = 4,

    /// <summary>Most dynamic shared memory of a launch, bytes.</summary>
    MaxDynamicShared = 8,
}
