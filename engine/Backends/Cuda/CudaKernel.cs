using System.Globalization;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>A function that runs on a GPU. It lives as long as its module.</summary>
internal sealed unsafe class CudaKernel
{
    // What a launch may have without asking for more.
    private const int DefaultSharedBytes = 48 * 1024;

    private readonly CudaContext _context;
    private readonly nint _function;
    private int _sharedLimit = DefaultSharedBytes;

    /// <summary>A function of a module.</summary>
    /// <param name="context">Where it is loaded.</param>
    /// <param name="function">The driver's pointer.</param>
    /// <param name="name">Its name.</param>
    /// <param name="specialisation">Its family with all constants.</param>
    public CudaKernel(CudaContext context, nint function, string name, string specialisation)
    {
        _context = context;
        _function = function;
        Name = name;
        Specialisation = specialisation;
        Family = specialisation.Split(' ')[0];
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Name of its .cu file without ending.</summary>
    public string Family { get; }

    /// <summary>Its family with all constants.</summary>
    public string Specialisation { get; }

    /// <summary>A kernel that does nothing, in the place of one that is not compiled yet.</summary>
    public static CudaKernel Placeholder(CudaContext context, string name, string specialisation) => new(context, 0, name, specialisation);

    /// <summary>Registers a thread.</summary>
    public int Registers => _context.Driver.FunctionNumber(FunctionNumber.Registers, _function);

    /// <summary>Local memory a thread, bytes.</summary>
    public int LocalBytes => _context.Driver.FunctionNumber(FunctionNumber.Local, _function);

    /// <summary>Starts it; allocates nothing.</summary>
    /// <param name="stream">After what was asked there before.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block.</param>
    /// <param name="arguments">Arguments in the order of the signature.</param>
    public void Launch(CudaStream stream, Grid grid, Grid block, int sharedBytes, ref KernelArguments arguments)
    {
        if (_function == 0)
        {
            return;
        }

        _context.MakeCurrent();
        if (sharedBytes > _sharedLimit)
        {
            RaiseSharedLimit(sharedBytes);
        }

        using var range = Ranges.Open(Family);
        stream.Observer?.Before();
        _context.Driver.Launch(_function, Name, (grid.X, grid.Y, grid.Z), (block.X, block.Y, block.Z), sharedBytes, stream.Handle, arguments.Table());
        stream.Observer?.After(LaunchFacts.OfKernel(this, grid, block, sharedBytes, arguments.TensorBytes));
    }

    private void RaiseSharedLimit(int bytes)
    {
        var most = _context.Device.MaxSharedBytesPerBlock;
        if (bytes > most)
        {
            throw new LdaeException(
                ErrorKind.Device,
                string.Create(CultureInfo.InvariantCulture, $"The kernel {Name} needs {bytes:N0} bytes of shared memory a block; {_context.Device.Name} has {most:N0}."),
                "Use a GPU with more shared memory a block (A100, H100 and newer data-centre parts have at least 163 KiB).");
        }

        _context.Driver.AllowDynamicShared(_function, bytes, Name);
        _sharedLimit = bytes;
    }
}
