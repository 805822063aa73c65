using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>A compiled source on a GPU.</summary>
internal sealed class CudaModule : IDisposable
{
    private readonly CubinHandle _handle;

    /// <summary>Loads a cubin, or PTX.</summary>
    /// <param name="context">Where.</param>
    /// <param name="image">The bytes.</param>
    /// <param name="name">What it is, for messages.</param>
    public CudaModule(CudaContext context, ReadOnlySpan<byte> image, string name)
    {
        Context = context;
        Name = name;
        context.MakeCurrent();
        _handle = context.Driver.LoadModule(image, name, context.Handle);
    }

    /// <summary>Where it is loaded.</summary>
    public CudaContext Context { get; }

    /// <summary>What it is, for messages.</summary>
    public string Name { get; }

    /// <summary>One of its kernels.</summary>
    /// <param name="entry">Name of the extern "C" function.</param>
    public CudaKernel Kernel(string entry)
    {
        Context.MakeCurrent();
        return new CudaKernel(Context, Context.Driver.Function(_handle, entry), entry, Name);
    }

    /// <summary>Unloads it with its kernels.</summary>
    public void Dispose() => _handle.Dispose();
}
