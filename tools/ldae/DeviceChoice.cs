using System.Globalization;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner;

/// <summary>The device a command computes on.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Why">Why this one, when <c>auto</c> chose it; else null.</param>
/// <param name="Gpu">The GPU, real or emulated; null for the others.</param>
internal sealed record DeviceChoice(DeviceKind Kind, string? Why, CudaDevice? Gpu = null)
{
    /// <summary>Values of <c>--device</c>.</summary>
    public const string Allowed = "reference, cpu, cuda, cuda:N, emulated or auto";

    private const string Cuda = "cuda", Emulated = "emulated";

    /// <summary>The name in <c>--device</c>.</summary>
    public string Name => Kind switch
    {
        DeviceKind.Reference => "reference",
        DeviceKind.Cpu => "cpu",
        DeviceKind.Cuda => Gpu is { Ordinal: > 0 } gpu ? string.Create(CultureInfo.InvariantCulture, $"{Cuda}:{gpu.Ordinal}") : Cuda,
        DeviceKind.Emulated => Emulated,
        _ => throw new InvalidOperationException($"There is no name for the device {Kind}."),
    };

    /// <summary>Finds a device by its name. A named device never falls back to another.</summary>
    /// <param name="name">The value of <c>--device</c>.</param>
    /// <exception cref="LdaeException">Configuration: no such name. Device: it is not available.</exception>
    public static DeviceChoice Resolve(string name) => name switch
    {
        "reference" => new DeviceChoice(DeviceKind.Reference, null),
        "cpu" => new DeviceChoice(DeviceKind.Cpu, null),
        "auto" => Auto(),
        Cuda => OpenGpu(name, DeviceKind.Cuda, 0),
        Emulated => OpenGpu(name, DeviceKind.Emulated, 0),
        _ when name.StartsWith(Cuda + ":", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(Cuda.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal) => OpenGpu(name, DeviceKind.Cuda, ordinal),
        _ => throw new LdaeException(ErrorKind.Configuration, $"--device {name} is not allowed: it takes {Allowed}.", "Use --device cpu."),
    };

    /// <summary>Opens the device.</summary>
    /// <param name="threads">Threads of the cpu; null for one a core.</param>
    /// <param name="recipe">Determines a GPU's precision and whether it tunes products; float32 without one.</param>
    /// <param name="warn">Receives warnings; standard error when null.</param>
    /// <param name="run">A run whose algorithms for matrix products are used again, so that its bits stay the same; or null.</param>
    public IBackend Open(int? threads, Recipe? recipe = null, Action<string>? warn = null, RunFolder? run = null) => this switch
    {
        { Gpu: { } gpu } => new CudaBackend(gpu, new CudaOptions
        {
            ActivationType = recipe?.Train.Precision == TrainPrecision.Bf16 ? DType.BF16 : DType.F32,
            Autotune = recipe?.Cuda.Autotune ?? true,
            AlgorithmFile = run?.AlgorithmsPath is { } path && File.Exists(path) ? path : null,
            Warn = warn ?? Console.Error.WriteLine,
        }),
        { Kind: DeviceKind.Reference } => new ReferenceBackend(),
        _ => new CpuBackend(MachineFacts.Threads(threads)),
    };

    /// <summary>A second backend in float32 beside one that computes in bf16, for a classifier; null where the first computes in float32 already.</summary>
    public IBackend? OpenInFloat32(IBackend beside) => beside.ActivationType == DType.BF16 ? Open(null) : null;

    private static DeviceChoice Auto()
    {
        try
        {
            var gpu = CudaDevice.Open(DeviceKind.Cuda);
            return new DeviceChoice(DeviceKind.Cuda, $"auto takes {Cuda}:0, {gpu.Name}", gpu);
        }
        catch (LdaeException e)
        {
            return new DeviceChoice(DeviceKind.Cpu, $"auto takes cpu: {e.Message.Split(": ")[0].TrimEnd('.')}");
        }
    }

    private static DeviceChoice OpenGpu(string name, DeviceKind kind, int ordinal)
    {
        try
        {
            return new DeviceChoice(kind, null, CudaDevice.Open(kind, ordinal));
        }
        catch (LdaeException e)
        {
            throw new LdaeException(
                ErrorKind.Device,
                $"The device {name} is not available: {e.Message}",
                $"{e.Remedy} Or use --device cpu, which needs nothing installed.",
                e);
        }
    }
}
