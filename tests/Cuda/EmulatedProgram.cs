using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>A CUDA source that belongs to a test, compiled for the emulated device, with tensors to launch it on.</summary>
internal sealed class EmulatedProgram : IDisposable
{
    private const long ArenaBytes = 1 << 24;

    private readonly CudaModule _module;
    private readonly StepArena _arena;
    private readonly Tape _tape;

    /// <summary>Compiles a file of the tests.</summary>
    /// <param name="file">Path below tests/Cuda.</param>
    /// <param name="mode">How its tensors get their memory.</param>
    /// <param name="constants">-D constants.</param>
    public EmulatedProgram(string file, ArenaMode mode, params (string Name, int Value)[] constants)
        : this(file, File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Cuda", file)), mode, constants)
    {
    }

    /// <summary>Compiles a text.</summary>
    public EmulatedProgram(string name, string source, ArenaMode mode, params (string Name, int Value)[] constants)
    {
        Backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        try
        {
            var (image, _) = Backend.Device.Libraries.Nvrtc.Compile(
                name, source, KernelSources.Headers(source), ["--std=c++17", .. constants.Select(c => $"-D{c.Name}={c.Value}")], wantsPtx: false);
            _module = new CudaModule(Backend.Stream.Context, image, name);
        }
        catch
        {
            Backend.Dispose();
            throw;
        }

        _arena = new StepArena(Backend, ArenaBytes, mode);
        _tape = new Tape(Backend, _arena);
    }

    /// <summary>The emulated device.</summary>
    public CudaBackend Backend { get; }

    /// <summary>A tensor of floats.</summary>
    public Tensor Floats(params ReadOnlySpan<float> values)
    {
        var tensor = _tape.New(new Shape(values.Length), DType.F32);
        tensor.Write(Backend, values);
        return tensor;
    }

    /// <summary>A tensor of bf16 numbers, rounded from floats.</summary>
    public Tensor Halves(params ReadOnlySpan<float> values)
    {
        var tensor = _tape.New(new Shape(values.Length), DType.BF16);
        tensor.Write(Backend, values);
        return tensor;
    }

    /// <summary>The values of a tensor.</summary>
    public float[] Read(Tensor tensor) => tensor.ReadFloats(Backend);

    /// <summary>Starts a kernel with tensors first and an int last.</summary>
    public void Launch(string entry, Grid grid, Grid block, int sharedBytes, Tensor[] tensors, int number)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        foreach (var tensor in tensors)
        {
            arguments.Add(tensor);
        }

        arguments.Add(number);
        _module.Kernel(entry).Launch(Backend.Stream, grid, block, sharedBytes, ref arguments);
    }

    /// <summary>Frees all.</summary>
    public void Dispose()
    {
        _arena.Dispose();
        _module.Dispose();
        Backend.Dispose();
    }
}
