using System.Text.Json;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner;

/// <summary>What several commands do alike.</summary>
internal static class Workbench
{
    /// <summary>Opens a device.</summary>
    /// <param name="device">Which.</param>
    /// <param name="threads">Threads of the cpu; null for one a core.</param>
    /// <param name="recipe">Says a GPU's precision and whether it tunes products; float32 without one.</param>
    /// <param name="warn">Told what a user should know; standard error when null.</param>
    /// <param name="run">A run whose algorithms for matrix products are taken, so that its bits come out again; or null.</param>
    public static IBackend Open(DeviceChoice device, int? threads, Recipe? recipe = null, Action<string>? warn = null, RunFolder? run = null) => device switch
    {
        { Gpu: { } gpu } => new CudaBackend(gpu, new CudaOptions
        {
            ActivationType = recipe?.Train.Precision == TrainPrecision.Bf16 ? DType.BF16 : DType.F32,
            Autotune = recipe?.Cuda.Autotune ?? true,
            AlgorithmFile = run?.AlgorithmsPath is { } path && File.Exists(path) ? path : null,
            Warn = warn ?? Console.Error.WriteLine,
        }),
        { Kind: DeviceKind.Reference } => new ReferenceBackend(),
        _ => new CpuBackend(Loaders(threads)),
    };

    /// <summary>A second backend on the device of one that computes in bf16, for what must not: a classifier in float32. Null where the first will do.</summary>
    public static IBackend? OpenInFloat32(DeviceChoice device, IBackend beside) =>
        beside.ActivationType == DType.BF16 ? Open(device, null) : null;

    /// <summary>Threads that decode images, or compute: more than one a core only wait for each other.</summary>
    public static int Loaders(int? threads) => Math.Min(threads ?? Environment.ProcessorCount, Environment.ProcessorCount);

    /// <summary>The most memory that was held: of the device's own where it has some, else the process's peak resident set, bytes.</summary>
    public static long PeakMemory(IBackend backend)
    {
        if (backend is IDeviceBackend device)
        {
            return device.PeakBytes;
        }

        // The kernel's own high-water mark; the runtime's figure is sampled.
        const string field = "VmHWM:";
        var line = File.Exists("/proc/self/status") ? File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal)) : null;
        return line is null
            ? Environment.WorkingSet
            : 1024 * long.Parse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal), System.Globalization.NumberStyles.Integer | System.Globalization.NumberStyles.AllowLeadingWhite | System.Globalization.NumberStyles.AllowTrailingWhite, System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Writes a result object where the run's report finds it.</summary>
    public static void Keep(CommandResult result, string folder, string name)
    {
        Directory.CreateDirectory(Path.Combine(folder, Reporting.RunReport.Results));
        AtomicFile.WriteText(ResultPath(folder, name), result.ToJson());
    }

    /// <summary>Whether a command has left its result object in a folder.</summary>
    public static bool HasResult(string folder, string name) => File.Exists(ResultPath(folder, name));

    /// <summary>A number of a result object that a command has left in a folder; null where it left none.</summary>
    public static double? ReadNumber(string folder, string name, string field)
    {
        if (!HasResult(folder, name))
        {
            return null;
        }

        using var json = JsonDocument.Parse(File.ReadAllBytes(ResultPath(folder, name)));
        return json.RootElement.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
    }

    private static string ResultPath(string folder, string name) => Path.Combine(folder, Reporting.RunReport.Results, name + ".json");
}
