using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// A device: its memory, and one way to run primitives. <see cref="Primitives"/> has a method for each primitive that checks its arguments and
/// calls <see cref="Run"/>.
/// </summary>
public interface IBackend : IDeviceMemory, IDisposable
{
    /// <summary>Bytes the backend keeps for itself (packing buffers, thread scratch), for the memory plan.</summary>
    long WorkspaceBytes { get; }

    /// <summary>
    /// Makes ready what some work will need: a device that compiles its kernels does so now, in parallel, and a device that needs nothing
    /// does nothing. At most the work is rehearsed: nothing of it is computed and no tensor changes. It must not read from the device.
    /// </summary>
    /// <param name="work">The work, as it will be asked for.</param>
    void Prepare(Action work)
    {
    }

    /// <summary>
    /// Runs a primitive whose arguments have been checked. All primitives pass through here, so a backend around another observes or changes them in this
    /// one place.
    /// </summary>
    /// <typeparam name="T">Type of the arguments.</typeparam>
    /// <param name="call">The primitive's name and what it reads and writes.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="kernel">Calls the kernel with the arguments.</param>
    void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel);

    /// <summary>The sums of a covariance of rows that the host has; on the device where that is quicker.</summary>
    /// <param name="dimensions">D, numbers in a row.</param>
    /// <returns>Sums over no rows yet.</returns>
    ICovarianceSums SumCovariance(int dimensions) => new HostCovarianceSums(dimensions);

    /// <summary>Waits until the device has done all that was asked.</summary>
    void Synchronize();
}
