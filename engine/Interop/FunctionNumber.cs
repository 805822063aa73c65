namespace LDaeCore.Engine.Interop;

/// <summary>The kernel attributes that are read or set (CUfunction_attribute).</summary>
internal enum FunctionNumber
{
    /// <summary>Threads of the largest block.</summary>
    MaxThreads = 0,

    /// <summary>Static shared memory, bytes.</summary>
    StaticShared = 1,

    /// <summary>Local memory a thread, bytes: spills and arrays that found no registers.</summary>
    Local = 3,

    /// <summary>Registers a thread.</summary>
    Registers = 4,

    /// <summary>Most dynamic shared memory a launch may ask for, bytes.</summary>
    MaxDynamicShared = 8,
}
