namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// Sees each launch on a stream by itself. While a stream has one, work must be asked for directly: in a recorded graph there is nothing
/// to see (<see cref="CudaBackend.IsObserved"/>).
/// </summary>
internal interface ILaunchObserver
{
    /// <summary>The stream is about to be asked for something.</summary>
    void Before();

    /// <summary>It was asked.</summary>
    /// <param name="launch">For what.</param>
    void After(LaunchFacts launch);
}
